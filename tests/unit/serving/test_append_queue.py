"""Small appends gathered on their way to the log: in order, bounded, never acknowledged early."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from riverrun_serving.core import append_queue
from riverrun_serving.core.append_queue import AppendQueue

from riverrun.core.errors import Exhausted, RiverrunError, Unavailable
from riverrun.core.events import Appended, NewEvent, Stream


class GatedLog:
    """An event log that answers when a test opens the gate."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.lots: list[list[str]] = []
        self.error: Exception | None = None
        self.count = 0

    async def append(self, model: str, stream: Stream, events: Sequence[NewEvent]) -> list[Appended]:
        assert stream is Stream.EXAMPLES
        self.lots.append([event.event_id for event in events])
        if self.error is not None:
            raise self.error
        first, self.count = self.count, self.count + len(events)
        await self.gate.wait()
        return [Appended(first + n) for n in range(len(events))]


def _event(name: str, size: int = 10) -> NewEvent:
    return NewEvent(name, b"x" * size)


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_two_appends_are_on_their_way_and_what_arrives_then_goes_together() -> None:
    log = GatedLog()
    async with AppendQueue(log) as queue:
        first = asyncio.create_task(queue.append("m", Stream.EXAMPLES, [_event("a")]))
        await _settle()
        others = []
        for name in "bcd":
            others.append(asyncio.create_task(queue.append("m", Stream.EXAMPLES, [_event(name)])))
            await _settle()
        waiting = [task.done() for task in (first, *others)]
        log.gate.set()
        answers = await asyncio.gather(first, *others)

    assert not any(waiting)
    assert log.lots == [["a"], ["b"], ["c", "d"]]
    assert [answer[0].offset for answer in answers] == [0, 1, 2, 3]


async def test_models_do_not_wait_for_each_other() -> None:
    log = GatedLog()
    async with AppendQueue(log) as queue:
        tasks = [
            asyncio.create_task(queue.append(model, Stream.EXAMPLES, [_event(model)])) for model in ("m", "n")
        ]
        await _settle()
        lots = list(log.lots)
        log.gate.set()
        await asyncio.gather(*tasks)

    assert lots == [["m"], ["n"]]


async def test_a_large_request_is_cut_and_answered_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(append_queue, "MAX_APPEND_EVENTS", 2)
    log = GatedLog()
    log.gate.set()
    async with AppendQueue(log) as queue:
        answer = await queue.append("m", Stream.EXAMPLES, [_event(name) for name in "abcde"])

    assert log.lots == [["a", "b"], ["c", "d"], ["e"]]
    assert [one.offset for one in answer] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("error", [Unavailable("the event log", "gone"), ValueError("a bug")])
async def test_everybody_in_a_failed_lot_hears_of_it(error: Exception) -> None:
    log = GatedLog()
    log.error = error
    log.gate.set()
    async with AppendQueue(log) as queue:
        results = await asyncio.gather(
            *[queue.append("m", Stream.EXAMPLES, [_event(name)]) for name in "abc"], return_exceptions=True
        )
        log.error = None
        after = await queue.append("m", Stream.EXAMPLES, [_event("d")])

    assert all(isinstance(result, Unavailable) for result in results)
    assert after[0].offset == 0


async def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(append_queue, "MAX_WAITING_BYTES", 1000)
    log = GatedLog()
    async with AppendQueue(log) as queue:
        first = asyncio.create_task(queue.append("m", Stream.EXAMPLES, [_event("a", 600)]))
        await _settle()
        with pytest.raises(Exhausted):
            await queue.append("m", Stream.EXAMPLES, [_event("b", 600)])
        log.gate.set()
        await first
        await queue.append("m", Stream.EXAMPLES, [_event("c", 600)])

    assert log.lots == [["a"], ["c"]]


async def test_stopping_fails_what_still_waits() -> None:
    log = GatedLog()
    async with AppendQueue(log) as queue:
        tasks = [asyncio.create_task(queue.append("m", Stream.EXAMPLES, [_event(name)])) for name in "ab"]
        await _settle()

    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, RiverrunError) for result in results)


async def test_a_caller_that_gives_up_harms_nobody_else() -> None:
    log = GatedLog()
    async with AppendQueue(log) as queue:
        impatient = asyncio.create_task(queue.append("m", Stream.EXAMPLES, [_event("a")]))
        await _settle()
        impatient.cancel()
        patient = asyncio.create_task(queue.append("m", Stream.EXAMPLES, [_event("b")]))
        await _settle()
        log.gate.set()
        answer = await patient

    assert answer[0].offset == 1
