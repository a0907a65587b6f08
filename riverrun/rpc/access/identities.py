"""Whose token it is: keys of a file, and tokens of service accounts."""

from __future__ import annotations

from collections.abc import Mapping

from riverrun.core.access import Identity
from riverrun.core.errors import Unauthenticated
from riverrun.rpc.access.account_file import AccountRoles, read_accounts
from riverrun.rpc.access.jwks import Jwks
from riverrun.rpc.access.key_file import PREFIX, digest_of, read_keys
from riverrun.rpc.access.kubernetes_api import KubernetesApi
from riverrun.rpc.access.token_review import TokenReview
from riverrun.rpc.access.verification import Verifications
from riverrun.rpc.credentials import MAX_TOKEN
from riverrun.runtime.clock import Clock
from riverrun.runtime.security_settings import AuthSettings
from riverrun.runtime.watched_files import LOOK_EVERY_S, WatchedFiles


class Identities:
    """Knows callers by their tokens. Files are read again when they change."""

    def __init__(self, settings: AuthSettings, clock: Clock, *, look_every_s: float = LOOK_EVERY_S) -> None:
        """Raises OSError, ValueError where a file cannot be used."""
        keys, accounts = settings.auth_keys_file, settings.auth_accounts_file
        self._keys: WatchedFiles[Mapping[str, Identity]] | None = None
        if keys is not None:
            self._keys = WatchedFiles([keys], lambda: read_keys(keys), look_every_s=look_every_s)
        self._accounts: WatchedFiles[AccountRoles] | None = None
        self._verifications: Verifications | None = None
        self._audience = settings.auth_audience
        if settings.auth_mode in ("tokenReview", "jwks") and accounts is not None:
            self._accounts = WatchedFiles(
                [accounts], lambda: read_accounts(accounts), look_every_s=look_every_s
            )
            api = KubernetesApi(
                settings.auth_api_server, settings.auth_api_ca_file, settings.auth_api_token_file
            )
            kind = TokenReview if settings.auth_mode == "tokenReview" else Jwks
            self._verifications = Verifications(kind(api, settings.auth_audience, clock), clock)

    @property
    def expected(self) -> str:
        """What a token must be, in words."""
        keys = "a key of `riverrun keys new`" if self._keys is not None else ""
        accounts = (
            f"a service account's token for the audience {self._audience!r}" if self._verifications else ""
        )
        return " or ".join(part for part in (keys, accounts) if part)

    async def identify(self, token: str) -> Identity:
        """Whose token it is. Raises `Unauthenticated`, `Unavailable` when that cannot be told."""
        if not 0 < len(token) <= MAX_TOKEN:
            raise Unauthenticated("the token is none that is known here", self.expected)
        digest = digest_of(token)
        if token.startswith(PREFIX) or self._verifications is None or self._accounts is None:
            known = None if self._keys is None else self._keys.current().get(digest)
            if known is None:
                raise Unauthenticated("the token is none that is known here", self.expected)
            return known
        subject = await self._verifications.subject(token, digest)
        return Identity(subject, self._accounts.current().role_of(subject))

    async def close(self) -> None:
        """Let go of connections."""
        if self._verifications is not None:
            await self._verifications.close()
