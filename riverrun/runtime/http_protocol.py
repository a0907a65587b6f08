"""uvicorn's HTTP/1.1 with bounds that it has not: on slow clients, on connections, on what a request takes to
come in, on requests that wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from riverrun.runtime.queue_gate import QueueGate
from riverrun.runtime.round_budget import RoundBudget

ARRIVED = "riverrun.arrived"
"""Key of a request's scope: when it came, by `time.monotonic`; uvloop's own clock stands still in a turn."""


MAX_HEAD_BYTES = 64 << 10
MAX_CHUNKS = 65_536
"""A chunk costs about a microsecond however few bytes it holds; a body of 4 MiB may come in chunks of 64."""

SLOWED_S = 0.1
"""Of what is too large some is read once in this time, and thrown away: a client that is still sending would
find its connection reset, and the answer gone, if it were closed at once."""

LINGER_READS = 10
"""So often, where the connection is closed after that."""


@dataclass(frozen=True, slots=True)
class HttpBounds:
    """`receive_s`: seconds that a request may take to come in, from its connection or its first byte, before
    the connection is closed. `max_connections`: further ones are closed at once.

    `max_bytes` of a request are read, the sizes of its chunks among them, at most `MAX_HEAD_BYTES` for its
    head, and `MAX_CHUNKS` chunks. Who sends more is answered with `too_large`, a whole HTTP answer, and the
    connection is closed soon after; where the answer was on its way already, the rest is read slowly.

    `gate` judges the requests whose path `is_gated`, once they are whole; who is not let in gets `refusal`, a
    whole HTTP answer that keeps the connection, and `on_refused` is called with the path. Who is let in
    computes as `rounds` allows.
    """

    receive_s: float
    max_connections: int
    max_bytes: int
    too_large: bytes
    gate: QueueGate
    rounds: RoundBudget
    is_gated: Callable[[str], bool]
    refusal: bytes
    on_refused: Callable[[str], None]


def http_protocol(bounds: HttpBounds) -> Any:
    """What uvicorn takes as the class of its connections."""
    return partial(_BoundedProtocol, bounds)


class _BoundedProtocol(HttpToolsProtocol):
    # What uvicorn calls `_start_asgi_task` and `response_complete` is no public name of its; that it is still
    # called so is shown by tests/integration/serving/test_overload.py.

    def __init__(self, bounds: HttpBounds, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._bounds = bounds
        self._receiving_since: float | None = None
        self._received = 0
        self._chunks = 0
        self._is_in_head = True
        self._is_too_large = False
        self._held: tuple[Any, Any] | None = None
        self._watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > self._bounds.max_connections:
            transport.close()
            return
        self._receiving_since = time.monotonic()
        self._look_again()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_too_large:
            self.transport.pause_reading()
            return
        self._received += len(data)
        super().data_received(data)
        if self._held is not None:
            # The rest is still to come: it begins now, so that its body is read, and judged, as it comes.
            held, self._held = self._held, None
            super()._start_asgi_task(*held)
        most = MAX_HEAD_BYTES if self._is_in_head else self._bounds.max_bytes
        if self._received > most or self._chunks > MAX_CHUNKS:
            self._slow_down()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._receiving_since is None:
            self._receiving_since = time.monotonic()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self.scope[ARRIVED] = time.monotonic()  # type: ignore[literal-required]
        super().on_headers_complete()

    def on_chunk_header(self) -> None:
        """The parser calls this where it is there, and only for bodies in chunks."""
        self._chunks += 1

    def on_message_complete(self) -> None:
        self._receiving_since = None
        self._received = self._chunks = 0
        self._is_in_head = True
        super().on_message_complete()
        if self._held is not None:
            held, self._held = self._held, None
            self._judge(*held)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        if not self._bounds.is_gated(cycle.scope["path"]):
            super()._start_asgi_task(cycle, app)
        elif cycle.more_body and not cycle.waiting_for_100_continue:
            # Nearly always the body came with the head: judged in a moment, by `on_message_complete`.
            self._held = cycle, app
        else:
            self._judge(cycle, app)

    def _judge(self, cycle: Any, app: Any) -> None:
        gate = self._bounds.gate
        if gate.enter(time.monotonic()):
            super()._start_asgi_task(cycle, partial(self._leaving, app))
            return
        # Without a task and without the application: a refusal has to cost much less than an answer.
        self._bounds.on_refused(cycle.scope["path"])
        cycle.response_started = cycle.response_complete = True
        self.transport.write(self._bounds.refusal)
        if cycle.keep_alive:
            self.on_response_complete()
        else:
            self.transport.close()

    async def _leaving(
        self, app: Callable[[Any, Any, Any], Awaitable[None]], scope: Any, receive: Any, send: Any
    ) -> None:
        try:
            if not self._bounds.rounds.begins(time.monotonic()):
                await self._bounds.rounds.wait()
            await app(scope, receive, send)
        finally:
            self._bounds.gate.leave(time.monotonic())

    def _slow_down(self) -> None:
        """Read on slowly; to no purpose, and not for long, where the request has no answer yet."""
        if self.transport.is_closing():
            return
        cycle = self.cycle
        self.transport.pause_reading()
        if not self._is_in_head and cycle.response_started and self._chunks <= MAX_CHUNKS:
            self.loop.call_later(SLOWED_S, self._read_on)
            return
        self._is_too_large = True
        # Amid a head the last cycle is that of the request before.
        if cycle is None or (cycle.response_complete if self._is_in_head else not cycle.response_started):
            self.transport.write(self._bounds.too_large)
        if cycle is not None and not cycle.response_complete:
            # As if it were closed already: the application may say no more.
            cycle.disconnected = True
            cycle.message_event.set()
        self.loop.call_later(SLOWED_S, self._linger, LINGER_READS)

    def _read_on(self) -> None:
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def _linger(self, reads: int) -> None:
        if self.transport.is_closing():
            return
        if not reads:
            self.transport.close()
            return
        self.transport.resume_reading()
        self.loop.call_later(SLOWED_S, self._linger, reads - 1)

    def _look_again(self) -> None:
        """Close the connection where a request takes too long to come in. One timer for each connection, and
        not for each request, which would pay for it."""
        since = self._receiving_since
        if self.transport.is_closing():
            return
        if since is not None and time.monotonic() - since >= self._bounds.receive_s:
            self.transport.close()
            return
        self._watch = self.loop.call_later(self._bounds.receive_s / 4, self._look_again)
