"""What every `EventLog` does, run over the embedded log itself and over gRPC to it, by calls and by a stream.

Not covered here: crashes and full disks (`test_event_log_on_disk.py`).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from riverrun_param_server.event_log_servicer import EventLogServicer

from riverrun.api.events.v1 import events_pb2_grpc as pb_grpc
from riverrun.core.errors import NotFound
from riverrun.core.events import Appended, LoggedEvent, NewEvent, Stream
from riverrun.events.embedded import EmbeddedEventLog
from riverrun.events.protocol import EventLog
from riverrun.rpc.append_stream import AppendStream
from riverrun.rpc.channels import open_channel
from riverrun.rpc.event_log import RemoteEventLog
from riverrun.rpc.servers import serving_grpc

NOW_NS = 1_800_000_000 * 10**9
SECOND = 10**9


class SetClock:
    """A clock that stands until it is moved, by time that goes by or by a wall clock that is set."""

    def __init__(self) -> None:
        self.passed_s = 0
        self.wall_off_s = 0

    def wall_ns(self) -> int:
        return NOW_NS + (self.passed_s + self.wall_off_s) * SECOND

    def monotonic(self) -> float:
        return float(self.passed_s)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


def check_model(model: str) -> None:
    if model not in ("fraud", "flights"):
        raise NotFound("model", model)


@pytest.fixture(params=["embedded", "remote", "streamed"])
async def log(request, tmp_path, clock) -> AsyncIterator[EventLog]:
    embedded = EmbeddedEventLog(tmp_path / "events.db", clock=clock, horizon_s=lambda model: 86_400)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(embedded.close)
        if request.param == "embedded":
            yield embedded
            return
        servicer = EventLogServicer(embedded, store_id=lambda: "store", check_model=check_model)

        def add(server):
            pb_grpc.add_EventLogServicer_to_server(servicer, server)
            return ["riverrun.api.events.v1.EventLog"]

        port, _ = await stack.enter_async_context(
            serving_grpc(add, "127.0.0.1", 0, drain_s=1, on_stop=embedded.stop)
        )
        channel = await stack.enter_async_context(open_channel(f"127.0.0.1:{port}"))
        remote = RemoteEventLog(channel, deadline_s=60.0)
        if request.param == "streamed":
            streaming = await stack.enter_async_context(AppendStream(channel, deadline_s=60.0))
            remote.append = streaming.append
        yield remote


async def take(log: EventLog, start: int, count: int, *, model: str = "fraud", limit: int = 512):
    """`count` events from `start` on, following."""
    events: list[LoggedEvent] = []
    reading = log.read(model, Stream.EXAMPLES, {0: start}, follow=True, limit=limit)
    async with contextlib.aclosing(reading), asyncio.timeout(60):
        async for batch in reading:
            assert 0 < len(batch) <= limit
            events += batch
            if len(events) >= count:
                return events
    raise AssertionError("the read ended")


async def read_all(log: EventLog, start=None, *, model: str = "fraud", stream: Stream = Stream.EXAMPLES):
    reading = log.read(model, stream, {0: start} if start is not None else {}, follow=False)
    return [event async for batch in reading for event in batch]


def named(*names: str) -> list[NewEvent]:
    return [NewEvent(name, f'{{"n": "{name}"}}'.encode()) for name in names]


async def append(log: EventLog, *names: str) -> list[Appended]:
    return await log.append("fraud", Stream.EXAMPLES, named(*names))


async def test_appended_events_come_back_whole_and_in_order(log, clock):
    given = [NewEvent("a", b"\x00\xff", NOW_NS - 5 * SECOND), NewEvent("", b"")]

    answers = await log.append("fraud", Stream.EXAMPLES, given)

    assert answers == [Appended(0), Appended(1)]
    assert await read_all(log, 0) == [
        LoggedEvent(0, "a", NOW_NS - 5 * SECOND, NOW_NS, b"\x00\xff"),
        LoggedEvent(1, "", NOW_NS, NOW_NS, b""),
    ]


async def test_streams_and_models_count_for_themselves(log):
    await append(log, "a", "b")

    assert await log.append("fraud", Stream.LABELS, named("a")) == [Appended(0)]
    assert await log.append("flights", Stream.EXAMPLES, named("a")) == [Appended(0)]
    assert await log.end("fraud", Stream.EXAMPLES) == {0: 2}
    assert await log.end("fraud", Stream.PREDICTIONS) == {0: 0}


async def test_a_repeated_id_is_a_duplicate_at_its_first_offset(log):
    await append(log, "a", "b")

    again = await append(log, "b", "c", "c")

    assert again == [Appended(1, duplicate=True), Appended(2), Appended(2, duplicate=True)]
    assert [event.event_id for event in await read_all(log)] == ["a", "b", "c"]


async def test_events_without_an_id_are_always_new(log):
    answers = await append(log, "", "", "")

    assert answers == [Appended(0), Appended(1), Appended(2)]


async def test_a_repeated_id_with_another_fingerprint_is_refused_and_with_none_a_duplicate(log):
    first = NewEvent("a", b"{}", fingerprint=b"true")
    await log.append("fraud", Stream.LABELS, [first])

    same, other, unsaid, next_one = await log.append(
        "fraud",
        Stream.LABELS,
        [
            first,
            NewEvent("a", b"{}", fingerprint=b"false"),
            NewEvent("a", b"{}"),
            NewEvent("b", b"{}", fingerprint=b"false"),
        ],
    )

    assert same == Appended(0, duplicate=True)
    assert other.offset == -1
    assert other.refused.startswith("event_id:")
    assert unsaid == Appended(0, duplicate=True)
    assert next_one == Appended(1)


async def test_an_id_is_new_again_after_the_horizon(log, clock):
    await append(log, "a")
    clock.passed_s += 86_400
    within = await append(log, "a")

    clock.passed_s += 1
    after = await append(log, "a")

    assert within == [Appended(0, duplicate=True)]
    assert after == [Appended(1)]


@pytest.mark.parametrize("off_s", [-400 * 86_400, -86_400, 86_400, 2 * 86_400, 400 * 86_400])
async def test_a_wall_clock_that_is_set_makes_no_id_new(log, clock, off_s):
    await append(log, "a")

    clock.wall_off_s = off_s
    while_off = await append(log, "a", "b")
    clock.wall_off_s = 0
    set_back = await append(log, "a", "b")

    assert while_off == [Appended(0, duplicate=True), Appended(1)]
    assert set_back == [Appended(0, duplicate=True), Appended(1, duplicate=True)]


async def test_future_times_oversize_bodies_and_long_ids_are_refused_one_by_one(log):
    answers = await log.append(
        "fraud",
        Stream.EXAMPLES,
        [
            NewEvent("a", b"{}", NOW_NS + 300 * SECOND),
            NewEvent("b", b"{}", NOW_NS + 301 * SECOND),
            NewEvent("c", bytes((1 << 20) + 1)),
            NewEvent("d" * 1025, b"{}"),
            NewEvent("e", bytes(1 << 20)),
        ],
    )

    assert [answer.offset for answer in answers] == [0, -1, -1, -1, 1]
    assert [answer.refused.partition(":")[0] for answer in answers] == ["", "time", "body", "event_id", ""]


async def test_a_follower_gets_what_is_appended_later(log):
    await append(log, "a")
    following = asyncio.create_task(take(log, 0, 3))
    await append(log, "b")

    await append(log, "c")

    assert [event.offset for event in await following] == [0, 1, 2]


async def test_a_follower_may_wait_on_a_stream_that_nobody_wrote_yet(log):
    following = asyncio.create_task(take(log, 0, 1, model="flights"))
    await append(log, "a")

    await log.append("flights", Stream.EXAMPLES, named("b"))

    assert [event.event_id for event in await following] == ["b"]


async def test_batches_keep_to_the_limit_and_miss_nothing(log):
    await append(log, *(f"e{n}" for n in range(100)))

    events = await take(log, 3, 97, limit=7)

    assert [event.offset for event in events] == list(range(3, 100))


async def test_large_bodies_come_in_several_messages(log):
    for n in range(6):
        await log.append("fraud", Stream.EXAMPLES, [NewEvent(str(n), bytes(1 << 20))])

    events = await read_all(log, 0)

    assert [event.offset for event in events] == list(range(6))
    assert all(len(event.body) == 1 << 20 for event in events)


async def test_a_thousand_appends_at_once_each_get_their_own_offset(log):
    answers = await asyncio.gather(*(append(log, f"e{n}") for n in range(1000)))

    assert sorted(answer.offset for [answer] in answers) == list(range(1000))
    events = await read_all(log, 0)
    assert [event.event_id for event in events] == [
        name for _, name in sorted((answer.offset, f"e{n}") for n, [answer] in enumerate(answers))
    ]


async def test_trimmed_offsets_are_gone_and_never_given_again(log):
    await append(log, "a", "b", "c")

    await log.trim("fraud", Stream.EXAMPLES, {0: 2})
    await log.trim("fraud", Stream.EXAMPLES, {0: 1})

    with pytest.raises(NotFound) as gone:
        await read_all(log, 1)
    assert gone.value.kind == "offset"
    assert [event.offset for event in await read_all(log, 2)] == [2]
    assert [event.offset for event in await read_all(log)] == [2]
    await log.trim("fraud", Stream.EXAMPLES, {0: 99})
    assert await append(log, "d") == [Appended(3)]


async def test_trimming_keeps_the_memory_of_ids(log):
    await append(log, "a")
    await log.trim("fraud", Stream.EXAMPLES, {0: 1})

    assert await append(log, "a") == [Appended(0, duplicate=True)]


async def test_reading_past_the_end_is_refused_rather_than_waited_for(log):
    await append(log, "a")

    with pytest.raises(NotFound):
        await take(log, 2, 1)


async def test_a_follower_leaves_early_and_the_log_goes_on(log):
    await append(log, "a")
    await take(log, 0, 1)

    assert await append(log, "b") == [Appended(1)]


async def test_a_moment_says_where_all_streams_end_and_what_was_received_by_then(log, clock):
    before = await log.moment("flights")
    await log.append("flights", Stream.LABELS, [NewEvent("a", b"{}"), NewEvent("b", b"{}")])
    await log.append("flights", Stream.PREDICTIONS, [NewEvent("p", b"{}")])
    await log.append("fraud", Stream.EXAMPLES, [NewEvent("x", b"{}")])
    clock.passed_s += 1

    moment = await log.moment("flights")

    assert before.clock_ns == NOW_NS
    assert moment.clock_ns == NOW_NS + SECOND
    assert {s: dict(o) for s, o in moment.ends.items() if o != {0: 0}} == {
        Stream.LABELS: {0: 2},
        Stream.PREDICTIONS: {0: 1},
    }


async def test_the_logs_clock_never_goes_back(log, clock):
    await log.append("flights", Stream.LABELS, [NewEvent("a", b"{}")])
    clock.wall_off_s -= 5
    await log.append("flights", Stream.LABELS, [NewEvent("b", b"{}")])

    found = [event async for batch in log.read("flights", Stream.LABELS, {}, follow=False) for event in batch]

    assert [event.received_ns for event in found] == [NOW_NS, NOW_NS]
    assert (await log.moment("flights")).clock_ns == NOW_NS
