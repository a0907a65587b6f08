"""Tokens of service accounts: what is not good is never taken, and a lost API server denies (FAULTS E7)."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric import rsa
from riverrun_serving.settings import ServingSettings

from riverrun.core.access import Role
from riverrun.core.errors import RiverrunError, Unauthenticated, Unavailable
from riverrun.rpc.access.guard import Guard
from riverrun.rpc.access.identities import Identities
from riverrun.rpc.access.policy import PARAM_SERVER_RPCS
from tests.integration.security.fake_api_server import FakeApiServer

GOOD = "system:serviceaccount:here:trainer"
PUSH = PARAM_SERVER_RPCS["/riverrun.api.params.v1.ParameterService/Push"]
VARIANTS = 1_000


class SteppedClock:
    """The system's clock, moved on by a test; between two steps it stands still once it was stopped."""

    def __init__(self) -> None:
        self.ahead_s = 0.0
        self._stopped: tuple[int, float] | None = None

    def stop(self) -> None:
        self._stopped = time.time_ns(), time.monotonic()

    def wall_ns(self) -> int:
        return (self._stopped or (time.time_ns(), 0.0))[0] + int(self.ahead_s * 1e9)

    def monotonic(self) -> float:
        return (self._stopped or (0, time.monotonic()))[1] + self.ahead_s


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[FakeApiServer]:
    async with FakeApiServer(tmp_path).running() as found:
        yield found


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture(params=["tokenReview", "jwks"])
async def identities(
    request: pytest.FixtureRequest, api: FakeApiServer, clock: SteppedClock, tmp_path: Path
) -> AsyncIterator[Identities]:
    accounts = tmp_path / "accounts"
    accounts.write_text(f"{GOOD} trainer\n")
    found = Identities(ServingSettings(**api.settings(request.param, accounts)), clock)
    yield found
    await found.close()


def bad_tokens(api: FakeApiServer, good: str) -> Iterator[str]:
    """Each wrong in one way; the seed is fixed."""
    chosen = random.Random(7)
    other = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    now = int(time.time())
    while True:
        ago = chosen.randint(1, 10**6)
        yield api.token(GOOD, exp=now - ago)
        yield api.token(GOOD, aud=[f"other-{ago}"])
        yield api.token(GOOD, aud="https://kubernetes.default.svc")
        yield api.token(GOOD, aud=None)
        yield api.token(GOOD, exp=None)
        yield api.token(GOOD, iss=f"https://evil-{ago}")
        yield api.token(GOOD, key=other)
        yield api.token(GOOD, key=other, kid=f"k{ago}")
        yield api.token(f"system:serviceaccount:elsewhere-{ago}:trainer")
        yield api.token(GOOD, nbf=now + 3600 + ago)
        yield api.token(GOOD, key="0" * 32, alg="HS256", iat=now - ago)
        yield unsigned(api.claims(GOOD, iat=now - ago))
        yield good[: chosen.randint(1, len(good) - 2)]
        yield changed(good, chosen)
        yield chosen.randbytes(30).hex()


def unsigned(claims: dict[str, Any]) -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def changed(token: str, chosen: random.Random) -> str:
    """Another payload under the same signature."""
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    claims["exp"] += chosen.randint(1, 10**6)
    other = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{header}.{other}.{signature}"


@pytest.mark.timeout(400)
async def test_none_of_a_thousand_bad_tokens_is_taken_and_none_is_logged(
    api: FakeApiServer, identities: Identities
) -> None:
    guard = Guard(identities)
    good = api.token(GOOD)
    bad = [token for token, _ in zip(bad_tokens(api, good), range(VARIANTS), strict=False)]
    taken = []

    with structlog.testing.capture_logs() as lines:
        for token in bad:
            try:
                await guard.admit("Push", PUSH, f"Bearer {token}")
                taken.append(token)
            except RiverrunError as error:
                assert len(token) < 20 or token not in str(error)  # noqa: PT017
        identity = await guard.admit("Push", PUSH, f"Bearer {good}")

    assert taken == []
    assert identity is not None
    assert identity.role is Role.TRAINER
    assert len(lines) == VARIANTS
    written = json.dumps(lines, default=str)
    assert not [token for token in bad if len(token) > 20 and token in written]


async def test_a_token_ends_when_it_says_also_where_it_was_good_before(
    api: FakeApiServer, identities: Identities, clock: SteppedClock
) -> None:
    token = api.token(GOOD, exp=int(time.time()) + 30)
    await identities.identify(token)

    clock.ahead_s = 31.0

    with pytest.raises(Unauthenticated, match="expired"):
        await identities.identify(token)


@pytest.mark.parametrize("identities", ["tokenReview"], indirect=True)
async def test_without_the_api_server_known_callers_go_on_for_a_minute(
    api: FakeApiServer, identities: Identities, clock: SteppedClock
) -> None:
    known, other = api.token(GOOD), api.token(GOOD, iat=int(time.time()) - 1)
    clock.stop()
    await identities.identify(known)
    api.is_away = True

    clock.ahead_s = 59.0
    assert (await identities.identify(known)).name == GOOD
    with pytest.raises(Unavailable):
        await identities.identify(other)
    clock.ahead_s = 61.0
    with pytest.raises(Unavailable):
        await identities.identify(known)

    api.is_away = False
    assert (await identities.identify(known)).role is Role.TRAINER


@pytest.mark.parametrize("identities", ["tokenReview"], indirect=True)
async def test_a_review_sees_within_a_minute_that_an_account_is_gone_and_asks_once_for_many(
    api: FakeApiServer, identities: Identities, clock: SteppedClock
) -> None:
    token = api.token(GOOD)
    await asyncio.gather(*(identities.identify(token) for _ in range(50)))
    assert api.reviews == 1
    api.gone.add(GOOD)

    clock.ahead_s = 61.0

    with pytest.raises(Unauthenticated):
        await identities.identify(token)


@pytest.mark.parametrize("identities", ["jwks"], indirect=True)
async def test_public_keys_outlive_the_api_server(
    api: FakeApiServer, identities: Identities, clock: SteppedClock
) -> None:
    await identities.identify(api.token(GOOD))
    api.is_away = True

    clock.ahead_s = 900.0

    assert (await identities.identify(api.token(GOOD, jti="another"))).role is Role.TRAINER
