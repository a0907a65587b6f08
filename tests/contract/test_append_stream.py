"""A stream of appends: in order without waiting, refusals said as calls say them, breaks heard by all."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
from riverrun_param_server.event_log_servicer import EventLogServicer

from riverrun.api.events.v1 import events_pb2_grpc as pb_grpc
from riverrun.core.errors import NotFound, Unavailable
from riverrun.core.events import Appended, NewEvent, Stream
from riverrun.events.embedded import EmbeddedEventLog
from riverrun.rpc.append_stream import AppendStream
from riverrun.rpc.channels import open_channel
from riverrun.rpc.servers import serving_grpc

DRAIN_S = 90.0


class HeldLog:
    """An event log that holds back what it was given until a test lets it go."""

    def __init__(self, log: EmbeddedEventLog) -> None:
        self._log = log
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.taken: list[str] = []
        self.stopping = asyncio.Event()

    async def append(self, model, stream, events) -> list[Appended]:
        self.taken += [event.event_id for event in events]
        await self.go_on.wait()
        return await self._log.append(model, stream, events)


@contextlib.asynccontextmanager
async def served(path, port: int = 0, drain_s: float = DRAIN_S) -> AsyncIterator[tuple[HeldLog, int]]:
    embedded = EmbeddedEventLog(path)
    log = HeldLog(embedded)

    def check_model(model: str) -> None:
        if model != "fraud":
            raise NotFound("model", model)

    servicer = EventLogServicer(log, store_id=lambda: "store", check_model=check_model)

    def add(server):
        pb_grpc.add_EventLogServicer_to_server(servicer, server)
        return ["riverrun.api.events.v1.EventLog"]

    def stop():
        servicer.end()
        log.stopping.set()

    try:
        async with serving_grpc(add, "127.0.0.1", port, drain_s=drain_s, on_stop=stop) as (bound, _):
            yield log, bound
    finally:
        await embedded.close()


@contextlib.asynccontextmanager
async def streaming(port: int, deadline_s: float = 60.0) -> AsyncIterator[AppendStream]:
    async with (
        open_channel(f"127.0.0.1:{port}") as channel,
        AppendStream(channel, deadline_s=deadline_s) as stream,
    ):
        yield stream


async def taken(log: HeldLog, count: int) -> None:
    """Wait until the log was handed `count` events."""
    async with asyncio.timeout(60):
        while len(log.taken) < count:
            await asyncio.sleep(0.01)


def event(name: str) -> NewEvent:
    return NewEvent(name, b"{}")


async def test_later_appends_follow_while_the_first_is_unanswered(tmp_path):
    async with served(tmp_path / "events.db") as (log, port), streaming(port) as stream:
        log.go_on.clear()
        tasks = [
            asyncio.create_task(stream.append("fraud", Stream.EXAMPLES, [event(f"e{n}")])) for n in range(20)
        ]
        await taken(log, 20)
        unanswered = not any(task.done() for task in tasks)
        log.go_on.set()
        answers = await asyncio.gather(*tasks)

    assert unanswered
    assert log.taken == [f"e{n}" for n in range(20)]
    assert [answer[0].offset for answer in answers] == list(range(20))


async def test_a_refusal_says_what_the_call_says_and_spoils_no_other(tmp_path):
    async with served(tmp_path / "events.db") as (_, port), streaming(port) as stream:
        results = await asyncio.gather(
            stream.append("fraud", Stream.EXAMPLES, [event("a")]),
            stream.append("nobody", Stream.EXAMPLES, [event("b")]),
            stream.append("fraud", Stream.EXAMPLES, [event("c")]),
            return_exceptions=True,
        )

    assert isinstance(results[1], NotFound)
    assert "nobody" in str(results[1])
    assert [results[0], results[2]] == [[Appended(0)], [Appended(1)]]


async def test_a_break_is_heard_by_all_on_their_way_and_mended_by_the_next(tmp_path, free_ports):
    path = tmp_path / "events.db"
    [port] = free_ports(1)
    async with contextlib.AsyncExitStack() as first:
        log, _ = await first.enter_async_context(served(path, port, drain_s=0.1))
        async with streaming(port) as stream:
            log.go_on.clear()
            tasks = [
                asyncio.create_task(stream.append("fraud", Stream.EXAMPLES, [event(name)])) for name in "ab"
            ]
            await taken(log, 2)
            await first.aclose()
            broken = await asyncio.gather(*tasks, return_exceptions=True)
            async with served(path, port):
                after = await stream.append("fraud", Stream.EXAMPLES, [event("a")])

    assert all(isinstance(result, Unavailable) for result in broken)
    assert after == [Appended(0)]


async def test_an_answer_that_never_comes_is_waited_for_no_longer_than_the_deadline(tmp_path):
    async with served(tmp_path / "events.db") as (log, port), streaming(port, deadline_s=0.3) as stream:
        log.go_on.clear()
        with pytest.raises(Unavailable, match=r"0\.3 s"):
            await stream.append("fraud", Stream.EXAMPLES, [event("a")])
        log.go_on.set()
        again = await answered(stream, event("a"))

    assert again[0].offset == 0


async def answered(stream: AppendStream, one: NewEvent) -> list[Appended]:
    """The answer, once it comes within the stream's deadline, which may be short."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(Unavailable):
                return await stream.append("fraud", Stream.EXAMPLES, [one])


async def test_a_server_that_stops_answers_what_it_took_and_waits_for_nobody(tmp_path):
    async with contextlib.AsyncExitStack() as server:
        log, port = await server.enter_async_context(served(tmp_path / "events.db"))
        async with streaming(port) as stream:
            await stream.append("fraud", Stream.EXAMPLES, [event("a")])
            log.go_on.clear()
            last = asyncio.create_task(stream.append("fraud", Stream.EXAMPLES, [event("b")]))
            await taken(log, 2)
            begun = time.monotonic()
            stopping = asyncio.create_task(server.aclose())
            await asyncio.wait_for(log.stopping.wait(), 60)
            log.go_on.set()
            await stopping
            took_s = time.monotonic() - begun
            answer = await last

    assert answer[0].offset == 1
    assert took_s < DRAIN_S / 2
