"""The gate that gRPC and HTTP share: whose call it is, and whether the table admits it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from riverrun.core.access import Identity
from riverrun.core.errors import PermissionDenied, RiverrunError, Unauthenticated
from riverrun.rpc.access.policy import Access
from riverrun.runtime.metrics import AUTH_REFUSED

if TYPE_CHECKING:
    from riverrun.rpc.access.identities import Identities

log = structlog.get_logger()

_SCHEME = "bearer "


class Guard:
    """Admits calls, or says why not; every refusal is counted and logged, without its token."""

    def __init__(self, identities: Identities) -> None:
        self._identities = identities

    async def admit(self, what: str, access: Access, authorization: str | None) -> Identity | None:
        """Who calls `what`, None where anyone may; `authorization` is the call's header.

        Raises `Unauthenticated`, `PermissionDenied`, and `Unavailable` when a token cannot be checked now.
        """
        if access.is_open:
            return None
        try:
            identity = await self._identify(what, access, authorization)
        except RiverrunError as refusal:
            AUTH_REFUSED.labels(refusal.reason).inc()
            log.info("a call was refused", call=what, reason=str(refusal))
            raise
        if access.is_logged:
            log.info("a call of an operator", call=what, caller=identity.name)
        return identity

    async def _identify(self, what: str, access: Access, authorization: str | None) -> Identity:
        if not authorization:
            raise Unauthenticated(f"{what} needs a token", self._wanted(access))
        if authorization[: len(_SCHEME)].lower() != _SCHEME:
            raise Unauthenticated("the authorization is of another kind", self._wanted(access))
        identity = await self._identities.identify(authorization[len(_SCHEME) :].strip())
        if not access.admits(identity.role):
            has = f"with role {identity.role}" if identity.role else "without a role here"
            raise PermissionDenied(f"{identity.name} ({has})", what, access.describe())
        return identity

    def _wanted(self, access: Access) -> str:
        return f"`authorization: Bearer …` with {self._identities.expected}, of {access.describe()}"

    async def close(self) -> None:
        """Let go of connections."""
        await self._identities.close()
