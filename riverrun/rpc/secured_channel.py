"""A channel whose certificates and token are always those of the files.

gRPC reads a channel's certificates once, when it is made (grpc/grpc#41779). So a change of the files makes a
new channel for the calls to come; those in progress end on the one that they began on, which is closed after
the last of them. A call carries the token as it was when the call began.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc

from riverrun.rpc.credentials import Credentials, channel_credentials
from riverrun.runtime.certificates import Certificates

Connect = Callable[[grpc.ChannelCredentials | None, str], grpc.aio.Channel]
"""Makes a channel: with these credentials, or without TLS; the server's name where it is not the address."""


class SecuredChannel:
    """As much of `grpc.aio.Channel` as stubs and their owners use."""

    def __init__(self, credentials: Credentials, connect: Connect) -> None:
        """Raises `InvalidInput` where a file cannot be used."""
        self._connect = connect
        self._server_name = credentials.server_name
        self._files = credentials.watched_certificates() if credentials.uses_tls else None
        self._token = credentials.watched_token()
        self._certificates = None if self._files is None else self._files.current()
        self._newest = self._made()
        self._retired: set[_Connection] = set()
        self._closing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> SecuredChannel:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        """Close every connection; calls in progress get `grace` seconds."""
        for connection in [self._newest, *self._retired]:
            await connection.channel.close(grace)
        await asyncio.gather(*self._closing)

    def unary_unary(self, method: str, *coding: Any, **more: Any) -> Callable[..., Any]:
        """As `grpc.aio.Channel.unary_unary`."""
        return self._calls("unary_unary", method, coding, more)

    def unary_stream(self, method: str, *coding: Any, **more: Any) -> Callable[..., Any]:
        """As `grpc.aio.Channel.unary_stream`."""
        return self._calls("unary_stream", method, coding, more)

    def stream_unary(self, method: str, *coding: Any, **more: Any) -> Callable[..., Any]:
        """As `grpc.aio.Channel.stream_unary`."""
        return self._calls("stream_unary", method, coding, more)

    def stream_stream(self, method: str, *coding: Any, **more: Any) -> Callable[..., Any]:
        """As `grpc.aio.Channel.stream_stream`."""
        return self._calls("stream_stream", method, coding, more)

    def _calls(
        self, kind: str, method: str, coding: tuple[Any, ...], more: dict[str, Any]
    ) -> Callable[..., Any]:
        def call(*args: Any, metadata: Any = None, **options: Any) -> Any:
            connection = self._current()
            make = connection.made.get((kind, method))
            if make is None:
                make = getattr(connection.channel, kind)(method, *coding, **more)
                connection.made[(kind, method)] = make
            begun = make(*args, metadata=self._with_token(metadata), **options)
            connection.calls += 1
            begun.add_done_callback(lambda _call: self._ended(connection))
            return begun

        return call

    def _with_token(self, metadata: Any) -> Any:
        if self._token is None:
            return metadata
        return [*(metadata or ()), ("authorization", f"Bearer {self._token.current()}")]

    def _current(self) -> _Connection:
        found = None if self._files is None else self._files.current()
        if found is not self._certificates:
            former, self._certificates = self._newest, found
            self._newest = self._made()
            self._retired.add(former)
            self._close_if_idle(former)
        return self._newest

    def _made(self) -> _Connection:
        found: Certificates | None = self._certificates
        return _Connection(
            self._connect(None if found is None else channel_credentials(found), self._server_name)
        )

    def _ended(self, connection: _Connection) -> None:
        connection.calls -= 1
        if connection in self._retired:
            self._close_if_idle(connection)

    def _close_if_idle(self, connection: _Connection) -> None:
        if connection.calls == 0:
            self._retired.discard(connection)
            task = asyncio.get_running_loop().create_task(connection.channel.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


class _Connection:
    """One channel of gRPC's, the callables made of it, and how many calls are in progress on it."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.made: dict[tuple[str, str], Callable[..., Any]] = {}
        self.calls = 0
