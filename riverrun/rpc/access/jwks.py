"""Tokens of service accounts, checked here with the cluster's public keys: no right is needed for that."""

from __future__ import annotations

import asyncio
import math

import jwt

from riverrun.core.errors import Unauthenticated, Unavailable
from riverrun.rpc.access.kubernetes_api import PEER, KubernetesApi
from riverrun.rpc.access.verification import Verified, claims_of, expiry_of, wall_s
from riverrun.runtime.clock import Clock

KEYS = "/openid/v1/jwks"
ABOUT = "/.well-known/openid-configuration"

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
"""What API servers sign with. Never one with a shared secret: a public key is no secret."""

FRESH_S = 300.0
"""Keys are fetched again after this long; where that fails they stay in use."""

AGAIN_S = 10.0
"""At least between two attempts to fetch them."""

SKEW_S = 10.0
"""How far the clock of the issuer may be ahead."""


class Jwks:
    """A `Verifier`. Unlike a review it does not see that a pod or an account went before the token ends."""

    def __init__(self, api: KubernetesApi, audience: str, clock: Clock) -> None:
        self._api = api
        self._audience = audience
        self._clock = clock
        self._fetching = asyncio.Lock()
        self._issuer = ""
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_s = self._tried_s = -math.inf

    async def verify(self, token: str) -> Verified:
        """See `Verifier.verify`."""
        claims_of(token, self._audience, wall_s(self._clock))
        key = await self._key(str(jwt.get_unverified_header(token).get("kid", "")))
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                audience=self._audience,
                issuer=self._issuer,
                leeway=SKEW_S,
                # Its end is judged below, by our clock and without leeway.
                options={"require": ["exp", "aud", "iss", "sub"], "verify_exp": False},
            )
        except (jwt.PyJWTError, ValueError) as error:
            # The words of the library say what is wrong, and never show the token.
            raise Unauthenticated(f"the token is not good ({error})", "one that the cluster signed") from None
        return Verified(str(claims["sub"]), expiry_of(claims))

    async def close(self) -> None:
        """See `Verifier.close`."""
        await self._api.close()

    async def _key(self, kid: str) -> jwt.PyJWK:
        async with self._fetching:
            now_s = self._clock.monotonic()
            wanted = kid not in self._keys or now_s - self._fetched_s >= FRESH_S
            if wanted and (not self._keys or now_s - self._tried_s >= AGAIN_S):
                self._tried_s = now_s
                try:
                    await self._fetch()
                except Unavailable:
                    if kid not in self._keys:
                        raise
            found = self._keys.get(kid)
        if found is None:
            raise Unauthenticated("the token is signed by an unknown key", "one that the cluster signed")
        return found

    async def _fetch(self) -> None:
        about, keys = await self._api.get(ABOUT), await self._api.get(KEYS)
        try:
            found = jwt.PyJWKSet.from_dict(keys).keys
            self._issuer = str(about["issuer"])
        except (jwt.PyJWTError, KeyError, TypeError, AttributeError) as error:
            raise Unavailable(PEER, "its answer is no set of keys") from error
        self._keys = {str(key.key_id): key for key in found}
        self._fetched_s = self._clock.monotonic()
