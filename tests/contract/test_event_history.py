"""Old events in history files: read as if they had never moved, wherever a process ended, and proven.

How housekeeping decides what moves is tested with the parameter server.
"""

import asyncio
import os
import subprocess
import sys
import textwrap

import pytest

from riverrun.core.errors import DigestMismatch, Exhausted, NotFound, Unavailable
from riverrun.core.events import NewEvent, Stream
from riverrun.events.embedded import EmbeddedEventLog
from riverrun.runtime import failpoints

EXAMPLES = Stream.EXAMPLES
SECOND = 10**9


class SetClock:
    """Time as the test says."""

    def __init__(self):
        self.now_ns = 10**18

    def wall_ns(self):
        return self.now_ns

    def monotonic(self):
        return self.now_ns / 1e9


@pytest.fixture(autouse=True)
def small_files(monkeypatch):
    """Twenty events fill a file, which leave the tables seven at a time."""
    monkeypatch.setattr("riverrun.events.embedded.archiver.FILE_EVENTS", 20)
    monkeypatch.setattr("riverrun.events.embedded.event_rows.ROWS_PER_STEP", 7)
    monkeypatch.setattr("riverrun.events.embedded.parquet.BATCH_ROWS", 6)
    monkeypatch.setattr("riverrun.events.embedded.tail.KEPT_EVENTS", 16)


@pytest.fixture
def clock():
    return SetClock()


def numbered(start, end):
    return [NewEvent(f"größe {n}", b"%d" % n + bytes([n % 256]) * 9, 10**17 + n) for n in range(start, end)]


async def log_of(path, clock, events):
    """A log of `events`, one received each second."""
    log = EmbeddedEventLog(path / "events.db", clock=clock)
    for event in numbered(0, events):
        clock.now_ns += SECOND
        await log.append("m", EXAMPLES, [event])
    return log


async def move(log, clock, below, older_than_s=0.0):
    """Move what is older; all of it has waited long enough."""
    clock.now_ns += 24 * 3600 * SECOND
    before_ns = clock.now_ns - int(older_than_s * 1e9)
    return await log.retention.archive("m", EXAMPLES, below=below, received_before_ns=before_ns)


async def read_all(log, start=0, limit=512):
    reading = log.read("m", EXAMPLES, {0: start}, follow=False, limit=limit)
    return [event async for batch in reading for event in batch]


def files(path):
    return sorted(str(file.relative_to(path)) for file in (path / "history").rglob("*") if file.is_file())


def run_mover(path, failpoint=""):
    """What a process ends with that moves events, to end at the failpoint."""
    command = [sys.executable, "-c", MOVER, str(path / "events.db")]
    return subprocess.run(command, env=os.environ | {failpoints.VARIABLE: failpoint}, timeout=60, check=False)


async def test_events_that_moved_are_read_as_before_from_any_offset(tmp_path, clock):
    log = await log_of(tmp_path, clock, 100)
    before = await read_all(log)

    moved = await move(log, clock, below=73)

    assert moved == 73
    assert files(tmp_path) == [f"history/m/examples/{n:013}.parquet" for n in (0, 20, 40, 60)]
    assert [await read_all(log, start) for start in range(100)] == [before[start:] for start in range(100)]
    assert await read_all(log, 3, limit=4) == before[3:]
    from_the_oldest = [e async for batch in log.read("m", EXAMPLES, {}, follow=False) for e in batch]
    assert from_the_oldest == before
    await log.close()


async def test_batches_from_files_keep_to_their_bounds(tmp_path, clock, monkeypatch):
    monkeypatch.setattr("riverrun.events.embedded.log.BATCH_BYTES", 40)
    log = await log_of(tmp_path, clock, 60)
    await move(log, clock, below=60)

    batches = [batch async for batch in log.read("m", EXAMPLES, {0: 0}, follow=False, limit=5)]

    assert all(len(batch) <= 5 for batch in batches)
    assert all(sum(len(e.body) for e in batch[:-1]) <= 40 for batch in batches)
    assert [e.offset for batch in batches for e in batch] == list(range(60))
    await log.close()


async def test_a_restart_keeps_history_and_more_follows_it(tmp_path, clock):
    log = await log_of(tmp_path, clock, 50)
    before = await read_all(log)
    await move(log, clock, below=30)
    await log.close()

    log = EmbeddedEventLog(tmp_path / "events.db", clock=clock)
    await log.append("m", EXAMPLES, numbered(50, 60))
    await move(log, clock, below=55)

    events = await read_all(log)
    assert events[:50] == before
    assert [e.offset for e in events] == list(range(60))
    # The ids of events that moved still count once.
    (again,) = await log.append("m", EXAMPLES, numbered(59, 60))
    assert again.duplicate
    await log.close()


async def test_a_reader_that_is_in_the_middle_goes_on_while_events_move_under_it(tmp_path, clock):
    log = await log_of(tmp_path, clock, 80)
    seen = []

    async for batch in log.read("m", EXAMPLES, {0: 0}, follow=False, limit=3):
        seen += [e.offset for e in batch]
        await move(log, clock, below=min(60, 4 * len(seen)))

    assert seen == list(range(80))
    await log.close()


async def test_too_few_events_for_a_file_wait_some_hours(tmp_path, clock):
    log = await log_of(tmp_path, clock, 30)

    async def archive():
        return await log.retention.archive("m", EXAMPLES, below=30, received_before_ns=clock.now_ns)

    clock.now_ns += 3600 * SECOND
    a_full_one = await archive()
    clock.now_ns += 3600 * SECOND
    too_few = await archive()
    clock.now_ns += 6 * 3600 * SECOND
    the_rest = await archive()

    assert (a_full_one, too_few, the_rest) == (20, 0, 10)
    await log.close()


async def test_what_no_version_contains_and_what_is_young_stays(tmp_path, clock):
    log = await log_of(tmp_path, clock, 40)

    by_version = await move(log, clock, below=10)
    clock.now_ns += SECOND
    by_age = await log.retention.archive("m", EXAMPLES, below=40, received_before_ns=10**18 + 16 * SECOND)

    assert by_version == 10
    assert by_age == 0  # they have not waited
    monotonic = await log.retention.archive(
        "m", EXAMPLES, below=40, received_before_ns=10**18 + 16 * SECOND + 24 * 3600 * SECOND
    )
    assert monotonic == 30
    await log.close()


async def test_a_trim_within_a_file_is_kept_across_a_restart(tmp_path, clock):
    log = await log_of(tmp_path, clock, 60)
    await move(log, clock, below=50)

    await log.trim("m", EXAMPLES, {0: 25})
    await log.close()
    log = EmbeddedEventLog(tmp_path / "events.db", clock=clock)

    assert files(tmp_path) == [f"history/m/examples/{n:013}.parquet" for n in (20, 40)]
    with pytest.raises(NotFound, match="25 to 60"):
        await read_all(log, 24)
    assert [e.offset for e in await read_all(log, 25)] == list(range(25, 60))
    await log.trim("m", EXAMPLES, {0: 55})
    assert files(tmp_path) == []
    assert [e.offset for e in await read_all(log, 55)] == list(range(55, 60))
    await log.close()


async def test_old_files_go_oldest_first_and_only_where_versions_contain_them(tmp_path, clock):
    log = await log_of(tmp_path, clock, 60)
    await move(log, clock, below=60)

    async def first_after_forgetting(below, received_before_ns):
        await log.retention.expire("m", EXAMPLES, below=below, received_before_ns=received_before_ns)
        return (await anext(aiter(log.read("m", EXAMPLES, {}, follow=False))))[0].offset

    assert await first_after_forgetting(60, 10**18 + 20 * SECOND) == 0
    assert await first_after_forgetting(60, 10**18 + 21 * SECOND) == 20
    assert await first_after_forgetting(39, clock.now_ns) == 20
    assert await first_after_forgetting(40, clock.now_ns) == 40
    assert files(tmp_path) == ["history/m/examples/0000000000040.parquet"]
    await log.close()


async def test_where_no_history_is_kept_any_more_files_go_before_events(tmp_path, clock):
    log = await log_of(tmp_path, clock, 60)
    await move(log, clock, below=40)

    await log.retention.expire("m", EXAMPLES, below=30, received_before_ns=clock.now_ns)
    assert [e.offset for e in await read_all(log, 20)] == list(range(20, 60))
    await log.retention.expire("m", EXAMPLES, below=50, received_before_ns=clock.now_ns)

    assert files(tmp_path) == []
    assert [e.offset for e in await read_all(log, 50)] == list(range(50, 60))
    await log.close()


async def test_a_full_disk_lets_files_go_before_events(tmp_path, clock):
    log = await log_of(tmp_path, clock, 60)
    await move(log, clock, below=40)

    went = [await log.retention.let_go("m", EXAMPLES, 60) for _ in range(3)]

    assert went == [20, 20, 20]
    assert files(tmp_path) == []
    await log.close()


async def test_a_file_that_finds_no_room_moves_nothing(tmp_path, clock, monkeypatch):
    log = await log_of(tmp_path, clock, 60)

    def full(path, body):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("riverrun.events.embedded.history.write_durably", full)
    with pytest.raises(Exhausted):
        await move(log, clock, below=60)

    assert [e.offset for e in await read_all(log)] == list(range(60))
    await log.append("m", EXAMPLES, numbered(60, 61))
    await log.close()


async def test_a_damaged_file_is_found_when_it_is_read_and_ends_the_log(tmp_path, clock):
    log = await log_of(tmp_path, clock, 60)
    await move(log, clock, below=60)
    path = tmp_path / files(tmp_path)[1]
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)

    assert [e.offset for e in await read_all(log, 40)] == list(range(40, 60))
    with pytest.raises(DigestMismatch, match="0000000000020"):
        await read_all(log, 0)
    with pytest.raises(Unavailable):
        await log.append("m", EXAMPLES, numbered(60, 61))
    await log.close()


async def test_damage_in_files_is_found_while_nobody_reads_them(tmp_path, clock, monkeypatch):
    monkeypatch.setattr("riverrun.events.embedded.proof.PROVE_EVERY_S", 0.0)
    log = await log_of(tmp_path, clock, 60)
    await move(log, clock, below=60)
    await log.close()
    path = tmp_path / files(tmp_path)[2]
    path.write_bytes(path.read_bytes()[:-1] + b"?")

    log = EmbeddedEventLog(tmp_path / "events.db", clock=clock)

    with pytest.raises(DigestMismatch, match="0000000000040"):
        await asyncio.wait_for(log.prove_rest(), 60)
    await log.close()


@pytest.mark.parametrize("damage", ["gone", "cut"])
async def test_a_log_with_a_file_that_is_gone_or_cut_short_does_not_start(tmp_path, clock, damage):
    log = await log_of(tmp_path, clock, 60)
    await move(log, clock, below=60)
    await log.close()
    path = tmp_path / files(tmp_path)[0]
    path.unlink() if damage == "gone" else path.write_bytes(path.read_bytes()[:-1])

    for _ in range(2):  # the file of the log is not left locked
        with pytest.raises(DigestMismatch, match="0000000000000"):
            EmbeddedEventLog(tmp_path / "events.db", clock=clock)


MOVER = textwrap.dedent(
    """
    import asyncio, sys
    from pathlib import Path
    from riverrun.core.events import Stream
    from riverrun.events.embedded import EmbeddedEventLog, archiver, event_rows

    archiver.FILE_EVENTS, archiver.WAIT_S, event_rows.ROWS_PER_STEP = 20, 0.0, 7
    TO_COME = 2 * 10**18

    async def main():
        log = EmbeddedEventLog(Path(sys.argv[1]))
        await log.retention.archive("m", Stream.EXAMPLES, below=70, received_before_ns=TO_COME)
        await log.retention.expire("m", Stream.EXAMPLES, below=20, received_before_ns=TO_COME)
        await log.close()

    asyncio.run(main())
    """
)

STEPS = [
    *(name for name in sorted(failpoints.POINTS) if name.startswith(("file.", "history."))),
    *("history.half-moved:2", "history.half-moved:5", "history.after-file:3", "file.after-rename:2"),
]


@pytest.mark.parametrize("step", STEPS)
async def test_a_process_that_ends_at_any_step_of_a_move_loses_and_doubles_nothing(tmp_path, clock, step):
    log = await log_of(tmp_path, clock, 90)
    before = await read_all(log)
    await log.close()

    ended = await asyncio.to_thread(run_mover, tmp_path, step)
    log = EmbeddedEventLog(tmp_path / "events.db", clock=clock)
    oldest = (await anext(aiter(log.read("m", EXAMPLES, {}, follow=False))))[0].offset
    after = await read_all(log, oldest)
    await log.close()
    ended_well = await asyncio.to_thread(run_mover, tmp_path)
    log = EmbeddedEventLog(tmp_path / "events.db", clock=clock)
    moved_on = await read_all(log, 20)
    named = {log.history.name_of(file) for file in log.history.everything()}
    log.history.sweep()
    await log.close()

    assert (ended.returncode, ended_well.returncode) == (failpoints.EXIT_STATUS, 0)
    assert oldest == (20 if step == "history.after-drop" else 0)
    assert after == before[oldest:]
    assert moved_on == before[20:]
    assert set(files(tmp_path)) == named
