"""New certificates under load: no call fails, whatever is found in the files in between (FAULTS E8)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import httpx2
import pytest
from cryptography import x509
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from riverrun.client.secured_http import SecuredHttp
from riverrun.core.access import Role
from riverrun.rpc.authority import issue
from riverrun.rpc.channels import open_channel
from riverrun.rpc.credentials import Credentials
from riverrun.rpc.secured_channel import SecuredChannel
from riverrun.rpc.server_security import server_credentials
from riverrun.rpc.servers import serving_grpc
from riverrun.runtime.certificates import CertificateFiles, ServerContext
from riverrun.runtime.status_app import serving_http
from tests.integration.security.secured_stack import SPEC, secured_stack

ROTATIONS = 20
WITHIN_S = 60.0
ECHO, TICKS = "/test.Load/Echo", "/test.Load/Ticks"


async def echo(_request: bytes, context: Any) -> bytes:
    """The certificate that the caller showed."""
    (shown,) = context.auth_context()["x509_pem_cert"]
    return bytes(shown)


async def ticks(_request: bytes, _context: Any) -> AsyncIterator[bytes]:
    while True:
        yield b"tick"
        await asyncio.sleep(0.02)


async def posted(_request: Request) -> Response:
    return Response("ok")


def add_services(server: grpc.aio.Server) -> list[str]:
    handlers = {
        "Echo": grpc.unary_unary_rpc_method_handler(echo),
        "Ticks": grpc.unary_stream_rpc_method_handler(ticks),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Load", handlers),))
    return ["test.Load"]


class Rig:
    """Servers and clients over one folder of certificates, all looking at it at each use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = CertificateFiles(folder / "tls.crt", folder / "tls.key", folder / "ca.crt")
        self.credentials = Credentials(self.files, look_every_s=0.0)
        self.grpc_port = self.http_port = 0
        self.calls = dict.fromkeys(("gRPC", "stream", "HTTP", "new HTTP connections"), 0)
        self.failed: list[str] = []
        self.shown = b""
        self.is_ending = False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.renew()
        greeting = server_credentials(self.files, require_client_certs=True, look_every_s=0.0)
        assert self.files.cert is not None
        assert self.files.key is not None
        tls = ServerContext(self.files.cert, self.files.key, look_every_s=0.0)
        app = Starlette(routes=[Route("/", posted, methods=["POST"])])
        async with (
            serving_grpc(add_services, "127.0.0.1", 0, credentials=greeting, drain_s=0.1) as (grpc_port, _),
            serving_http(app, "127.0.0.1", 0, 1.0, tls) as http_port,
        ):
            self.grpc_port, self.http_port = grpc_port, http_port
            yield

    async def renew(self) -> None:
        await asyncio.to_thread(issue, self.folder, ["127.0.0.1"], days=1)

    def serial(self) -> int:
        """Of the certificate in the files."""
        return x509.load_pem_x509_certificate((self.folder / "tls.crt").read_bytes()).serial_number

    async def greeted_with(self, port: int) -> int:
        """The serial of the certificate that a server shows a new connection."""
        context = ssl.create_default_context(cafile=self.files.ca)
        context.load_cert_chain(self.folder / "tls.crt", self.folder / "tls.key")
        context.set_alpn_protocols(["h2", "http/1.1"])

        def greeted() -> bytes | None:
            with (
                socket.create_connection(("127.0.0.1", port), timeout=WITHIN_S) as plain,
                context.wrap_socket(plain, server_hostname="127.0.0.1") as greeted,
            ):
                return greeted.getpeercert(binary_form=True)

        return x509.load_der_x509_certificate(await asyncio.to_thread(greeted) or b"").serial_number

    async def count(self, kind: str, call: Callable[[], Awaitable[object]]) -> None:
        """Call until the load is to end; what fails is kept."""
        while not self.is_ending:
            try:
                await call()
            except (grpc.aio.AioRpcError, httpx2.HTTPError) as error:
                self.failed.append(f"{kind}: {error!r}")
            self.calls[kind] += 1
            await asyncio.sleep(0.05)

    async def one_http(self) -> None:
        only_ca = Credentials(CertificateFiles(ca=self.files.ca))
        http = SecuredHttp(f"https://127.0.0.1:{self.http_port}", only_ca, timeout_s=WITHIN_S)
        try:
            await http.post("/", b"", {})
        finally:
            await http.close()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not await holds():
            await asyncio.sleep(0.05)


@pytest.mark.timeout(400)
async def test_twenty_rotations_under_load_fail_no_call(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with rig.running():
        channel = open_channel(f"127.0.0.1:{rig.grpc_port}", rig.credentials)
        assert isinstance(channel, SecuredChannel)
        http = SecuredHttp(f"https://127.0.0.1:{rig.http_port}", rig.credentials, timeout_s=WITHIN_S)
        call, stream = channel.unary_unary(ECHO), channel.unary_stream(TICKS)(b"")

        async def one_call() -> None:
            rig.shown = await call(b"", timeout=WITHIN_S)

        load = [
            *(asyncio.create_task(rig.count("gRPC", one_call)) for _ in range(2)),
            asyncio.create_task(rig.count("stream", stream.read)),
            asyncio.create_task(rig.count("HTTP", lambda: http.post("/", b"", {}))),
            asyncio.create_task(rig.count("new HTTP connections", rig.one_http)),
        ]
        for number in range(ROTATIONS):
            if number % 4 == 1:
                await spoil(rig, tmp_path / "tls.key", b"half a file")
            elif number % 4 == 3:
                await spoil(rig, tmp_path / "tls.crt", None)
            await rig.renew()
            before = dict(rig.calls)

            async def all_took_it() -> bool:
                wanted = rig.serial()
                shown = x509.load_pem_x509_certificate(rig.shown).serial_number if rig.shown else 0
                greeted = {await rig.greeted_with(port) for port in (rig.grpc_port, rig.http_port)}
                went_on = all(rig.calls[kind] > count for kind, count in before.items())  # noqa: B023
                return shown == wanted and greeted == {wanted} and went_on

            await until(all_took_it)

        async def former_are_closed() -> bool:
            # But for the stream's own, and at most one that a call is still on.
            return len(channel._retired) <= 2

        await until(former_are_closed)
        assert rig.failed == []
        assert not any(task.done() for task in load)
        assert not stream.done()
        # Not cancelled: a connection that is cancelled as it is made is left open by asyncio.
        rig.is_ending = True
        await asyncio.gather(*load)
        await channel.close()
        await http.close()


async def spoil(rig: Rig, file: Path, content: bytes | None) -> None:
    """Put nonsense in place of `file`, or nothing, and let calls and connections be made meanwhile."""
    kept = replaced(file, content)
    before = dict(rig.calls)

    async def went_on() -> bool:
        return all(rig.calls[kind] > count + 2 for kind, count in before.items())

    await until(went_on)
    replaced(file, kept)


def replaced(file: Path, content: bytes | None) -> bytes | None:
    """What was there before; None: nothing."""
    former = file.read_bytes() if file.exists() else None
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    return former


async def test_a_running_stack_takes_a_new_certificate_and_answers_all_along(tmp_path: Path) -> None:
    async with secured_stack(tmp_path) as stack, stack.client(Role.OPERATOR) as operator:
        await operator.apply(SPEC)
        stack.secrets.renew_certificate()
        wanted = x509.load_pem_x509_certificate((tmp_path / "tls.crt").read_bytes()).serial_number
        rig = Rig(tmp_path)
        ports = (stack.server.port, stack.server.http_port, stack.serving.rest_port, stack.serving.grpc_port)

        async def all_took_it() -> bool:
            await operator.status()
            return {await rig.greeted_with(port) for port in ports} == {wanted}

        await until(all_took_it)
