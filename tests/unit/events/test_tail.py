"""The part of a stream that is in memory."""

import asyncio

import pytest

from riverrun.core.events import LoggedEvent
from riverrun.events.embedded import tail as tail_module
from riverrun.events.embedded.tail import Tail


def events(start: int, end: int, size: int = 1) -> list[LoggedEvent]:
    return [LoggedEvent(offset, "", 0, 0, bytes(size)) for offset in range(start, end)]


def offsets(found) -> list[int]:
    return [event.offset for event in found]


def test_what_was_added_is_read_from_any_offset_within_limits():
    tail = Tail(end=10)
    tail.extend(events(10, 20))

    assert (tail.start, tail.end) == (10, 20)
    assert offsets(tail.read(13, limit=4, max_bytes=100)) == [13, 14, 15, 16]
    assert offsets(tail.read(13, limit=100, max_bytes=2)) == [13, 14]
    assert offsets(tail.read(19, limit=100, max_bytes=0)) == [19]


@pytest.mark.parametrize("step", [1, 7, 500])
def test_old_events_leave_memory_and_the_newest_stay(step, monkeypatch):
    monkeypatch.setattr(tail_module, "KEPT_EVENTS", 100)
    tail = Tail(end=0)

    for start in range(0, 1000, step):
        tail.extend(events(start, start + step))

    assert 50 <= tail.end - tail.start <= 100
    assert offsets(tail.read(tail.start, 1000, 1000)) == list(range(tail.start, tail.end))


def test_large_events_leave_memory_sooner(monkeypatch):
    monkeypatch.setattr(tail_module, "KEPT_BYTES", 1000)
    tail = Tail(end=0)

    for n in range(100):
        tail.extend(events(n, n + 1, size=100))

    assert tail.end - tail.start <= 10
    assert tail.end == 100


async def test_everyone_who_waits_hears_of_more():
    tail = Tail(end=0)
    waiting = [asyncio.create_task(tail.grown()) for _ in range(3)]
    await asyncio.sleep(0)

    tail.extend(events(0, 1))

    await asyncio.wait_for(asyncio.gather(*waiting), 60)
