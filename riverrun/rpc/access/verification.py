"""Verifying tokens of service accounts: what a verifier is, and how its answers are kept for a while."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Protocol

import jwt

from riverrun.core.errors import RiverrunError, Unauthenticated
from riverrun.runtime.clock import Clock

GOOD_S = 60.0
"""Seconds that a good answer is used: as long may a revoked token go on, and the API server be away."""

REFUSED_S = 10.0
MAX_ENTRIES = 4096


@dataclass(frozen=True, slots=True)
class Verified:
    """Whose token it is, as Kubernetes names it, and until when it is good (Unix time)."""

    subject: str
    expires_s: float


class Verifier(Protocol):
    """Finds out whose token it is."""

    async def verify(self, token: str) -> Verified:
        """Raises `Unauthenticated` for a token that is not good, `Unavailable` when that cannot be told."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Verifications:
    """A verifier whose answers are kept, by the token's digest; one question at a time for one token."""

    def __init__(self, verifier: Verifier, clock: Clock) -> None:
        self._verifier = verifier
        self._clock = clock
        self._known: OrderedDict[str, tuple[Verified | Unauthenticated, float]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[Verified]] = {}

    async def subject(self, token: str, digest: str) -> str:
        """As `Verifier.verify`; an answer is never used beyond the token's own end."""
        known = self._known.get(digest)
        now_s = self._clock.monotonic()
        if known is None or now_s >= known[1]:
            found: Verified | Unauthenticated = await self._ask(token, digest)
        else:
            found = known[0]
        if isinstance(found, Unauthenticated):
            raise Unauthenticated(found.problem, found.expected)
        if wall_s(self._clock) >= found.expires_s:
            raise expired()
        return found.subject

    async def close(self) -> None:
        """Let go of what is asked now, and of the verifier."""
        for task in self._asking.values():
            task.cancel()
        await self._verifier.close()

    async def _ask(self, token: str, digest: str) -> Verified:
        task = self._asking.get(digest)
        if task is None:
            task = asyncio.create_task(self._verified(token, digest), name="token verification")
            self._asking[digest] = task
            task.add_done_callback(lambda done: self._answered(digest, done))
        # One caller that goes away must not take the answer from the others.
        return await asyncio.shield(task)

    def _answered(self, digest: str, done: asyncio.Task[Verified]) -> None:
        self._asking.pop(digest, None)
        if not done.cancelled():
            # Looked at here too: everyone who asked may have gone away.
            done.exception()

    async def _verified(self, token: str, digest: str) -> Verified:
        try:
            found = await self._verifier.verify(token)
        except Unauthenticated as refusal:
            self._keep(digest, refusal, REFUSED_S)
            raise
        self._keep(digest, found, GOOD_S)
        return found

    def _keep(self, digest: str, answer: Verified | Unauthenticated, for_s: float) -> None:
        self._known.pop(digest, None)
        self._known[digest] = (answer, self._clock.monotonic() + for_s)
        while len(self._known) > MAX_ENTRIES:
            self._known.popitem(last=False)


def claims_of(token: str, audience: str, now_s: float) -> dict[str, Any]:
    """What an unverified token says of itself, where it could be good at all: spares asking otherwise.

    Raises `Unauthenticated` for one that is no JWT, unsigned, for another audience, or past its time.
    """
    try:
        header = jwt.get_unverified_header(token)
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise Unauthenticated(
            "the token is none that is known here", f"a key, or a service account's token for {audience!r}"
        ) from None
    if str(header.get("alg", "none")).lower() == "none":
        raise Unauthenticated("the token is not signed", "a service account's token")
    audiences = claims.get("aud")
    if audience not in ([audiences] if isinstance(audiences, str) else audiences or []):
        raise Unauthenticated("the token is for another audience", f"the audience {audience!r}")
    if now_s >= expiry_of(claims):
        raise expired()
    return claims


def wall_s(clock: Clock) -> float:
    """Unix time."""
    return clock.wall_ns() / 1e9


def expiry_of(claims: dict[str, Any]) -> float:
    """When a token ends (Unix time); one that never says so has ended."""
    ends = claims.get("exp")
    return float(ends) if isinstance(ends, (int, float)) and math.isfinite(ends) else 0.0


def expired() -> RiverrunError:
    """The error for a token past its time."""
    return Unauthenticated("the token has expired", "one that is renewed in time, as the kubelet does")
