"""Tokens of service accounts, each shown to the API server: it also knows of pods that are gone."""

from __future__ import annotations

from typing import Any

from riverrun.core.errors import Unauthenticated, Unavailable
from riverrun.rpc.access.kubernetes_api import PEER, KubernetesApi
from riverrun.rpc.access.verification import Verified, claims_of, expiry_of, wall_s
from riverrun.runtime.clock import Clock

PATH = "/apis/authentication.k8s.io/v1/tokenreviews"


class TokenReview:
    """A `Verifier`; needs the right to create tokenreviews (``system:auth-delegator``)."""

    def __init__(self, api: KubernetesApi, audience: str, clock: Clock) -> None:
        self._api = api
        self._audience = audience
        self._clock = clock

    async def verify(self, token: str) -> Verified:
        """See `Verifier.verify`."""
        claims = claims_of(token, self._audience, wall_s(self._clock))
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [self._audience]},
        }
        answer = await self._api.post(PATH, review)
        try:
            status: dict[str, Any] = answer["status"]
            if status.get("authenticated") is not True:
                raise Unauthenticated("the token is not good", "a service account's token of this cluster")
            # A server that does not know audiences would have passed over ours.
            if self._audience not in status.get("audiences", ()):
                raise Unauthenticated("the token is for another audience", f"the audience {self._audience!r}")
            return Verified(str(status["user"]["username"]), expiry_of(claims))
        except (KeyError, TypeError) as error:
            raise Unavailable(PEER, "its answer is no token review") from error

    async def close(self) -> None:
        """See `Verifier.close`."""
        await self._api.close()
