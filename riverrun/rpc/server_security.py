"""How a service listens: its certificate on every port, and the gate in front of what it serves."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

import grpc
import structlog

from riverrun.core.errors import InvalidInput, RiverrunError
from riverrun.rpc.access.guard import Guard
from riverrun.rpc.access.http_guard import App, HttpGuard, Refused, refused
from riverrun.rpc.access.interceptor import AccessInterceptor
from riverrun.rpc.access.policy import COMMON_RPCS, Access, Route
from riverrun.runtime.certificates import CertificateFiles, Certificates, ServerContext
from riverrun.runtime.clock import Clock
from riverrun.runtime.loopback import is_loopback
from riverrun.runtime.security_settings import AuthSettings, TlsSettings
from riverrun.runtime.settings import ServiceSettings
from riverrun.runtime.watched_files import LOOK_EVERY_S

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ServerSecurity:
    """What a service's ports are given. Without TLS and tokens: nothing, and calls cost nothing more."""

    grpc_credentials: grpc.ServerCredentials | None = None
    http: ServerContext | None = None
    guard: Guard | None = None

    def interceptors(self, policy: Mapping[str, Access]) -> list[grpc.aio.ServerInterceptor]:
        """The gate in front of gRPC handlers, with the health and reflection that every server has."""
        if self.guard is None:
            return []
        return [AccessInterceptor(self.guard, {**policy, **COMMON_RPCS})]

    def guarded(
        self,
        app: App,
        routes: Sequence[Route],
        answer: Callable[[str, RiverrunError], Refused] = refused,
    ) -> App:
        """`app` behind the gate; `app` itself where there is none."""
        return app if self.guard is None else HttpGuard(app, self.guard, routes, answer)


@contextlib.asynccontextmanager
async def server_security(
    settings: TlsSettings, clock: Clock, *, look_every_s: float = LOOK_EVERY_S
) -> AsyncIterator[ServerSecurity]:
    """What `settings` ask for, while the block runs. Raises `InvalidInput` where a file cannot be used."""
    _say_what_is_open(settings)
    guard: Guard | None = None
    try:
        credentials, http = _tls(settings, look_every_s)
        if isinstance(settings, AuthSettings) and settings.auth_mode != "none":
            # Here, not at the top: what reads tokens is only paid for by who asks for them.
            from riverrun.rpc.access.identities import Identities

            guard = Guard(Identities(settings, clock, look_every_s=look_every_s))
    except (OSError, ValueError) as error:
        raise InvalidInput("security files", str(error)) from error
    try:
        yield ServerSecurity(credentials, http, guard)
    finally:
        if guard is not None:
            await guard.close()


def _tls(
    settings: TlsSettings, look_every_s: float
) -> tuple[grpc.ServerCredentials | None, ServerContext | None]:
    files = CertificateFiles.of(settings)
    if files.cert is None or files.key is None:
        return None, None
    http = ServerContext(files.cert, files.key, look_every_s=look_every_s)
    return server_credentials(files, settings.tls_client_certs == "required", look_every_s=look_every_s), http


def server_credentials(
    files: CertificateFiles, require_client_certs: bool, *, look_every_s: float = LOOK_EVERY_S
) -> grpc.ServerCredentials:
    """For a gRPC port: each new connection is greeted with the newest pair that is whole."""
    watched = files.watched(look_every_s=look_every_s)
    in_use = watched.current()

    def newest() -> grpc.ServerCertificateConfiguration | None:
        # Called by a thread of gRPC's for each connection; None: the one in use.
        nonlocal in_use
        found = watched.current()
        if found is in_use:
            return None
        in_use = found
        return _configuration(found)

    return grpc.dynamic_ssl_server_credentials(_configuration(in_use), newest, require_client_certs)


def _configuration(found: Certificates) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(found.key, found.cert)], found.ca)


def _say_what_is_open(settings: TlsSettings) -> None:
    if not isinstance(settings, ServiceSettings) or is_loopback(settings.host):
        return
    for missing in settings.unprotected():
        log.warning("listening without protection, as was asked for", host=settings.host, without=missing)
