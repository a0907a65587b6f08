"""What the embedded log keeps across restarts, crashes and a full disk."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap

import pytest

from riverrun.core.errors import DigestMismatch, Exhausted, NotFound, Unavailable
from riverrun.core.events import Appended, NewEvent, Stream
from riverrun.events.embedded import EmbeddedEventLog, event_rows

EXAMPLES = Stream.EXAMPLES


async def read_all(log, start=0):
    return [e async for batch in log.read("m", EXAMPLES, {0: start}, follow=False) for e in batch]


def numbered(start, end):
    return [NewEvent(f"e{n}", str(n).encode(), fingerprint=b"1") for n in range(start, end)]


async def test_a_restart_keeps_events_ids_offsets_and_trims(tmp_path):
    log = EmbeddedEventLog(tmp_path / "events.db")
    await log.append("m", EXAMPLES, numbered(0, 5))
    await log.append("m", Stream.LABELS, numbered(0, 1))
    await log.trim("m", EXAMPLES, {0: 5})
    await log.close()

    log = EmbeddedEventLog(tmp_path / "events.db")

    assert await log.end("m", EXAMPLES) == {0: 5}
    assert await log.end("m", Stream.LABELS) == {0: 1}
    with pytest.raises(NotFound):
        await read_all(log, 4)
    answers = await log.append("m", EXAMPLES, [*numbered(4, 6), NewEvent("e0", b"", fingerprint=b"2")])
    assert answers[:2] == [Appended(4, duplicate=True), Appended(5)]
    assert answers[2].refused
    assert [e.body for e in await read_all(log, 5)] == [b"5"]
    await log.close()


async def test_events_beyond_the_memory_are_read_from_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("riverrun.events.embedded.tail.KEPT_EVENTS", 64)
    log = EmbeddedEventLog(tmp_path / "events.db")
    for start in range(0, 1000, 50):
        await log.append("m", EXAMPLES, numbered(start, start + 50))

    events = await read_all(log)

    assert [e.offset for e in events] == list(range(1000))
    assert [e.body for e in events] == [str(n).encode() for n in range(1000)]
    await log.close()


async def test_what_was_acknowledged_is_there_after_kill_9(tmp_path):
    program = textwrap.dedent(
        """
        import asyncio, sys
        from pathlib import Path
        from riverrun.core.events import NewEvent, Stream
        from riverrun.events.embedded import EmbeddedEventLog

        async def main():
            log = EmbeddedEventLog(Path(sys.argv[1]))
            async def one(n):
                await log.append("m", Stream.EXAMPLES, [NewEvent(f"e{n}", b"x" * 200)])
                sys.stdout.write(f"{n}\\n")
                sys.stdout.flush()
            for start in range(0, 10**6, 20):
                await asyncio.gather(*(one(n) for n in range(start, start + 20)))

        asyncio.run(main())
        """
    )
    path = tmp_path / "events.db"
    acknowledged: set[int] = set()
    for _ in range(3):
        with subprocess.Popen(  # noqa: ASYNC220  # nothing else runs in this loop meanwhile
            [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            seen = 0
            for line in process.stdout:
                if line.endswith("\n"):
                    acknowledged.add(int(line))
                    seen += 1
                if seen == 400:
                    os.kill(process.pid, signal.SIGKILL)

        log = EmbeddedEventLog(path)
        events = await read_all(log)
        await log.close()

        assert [e.offset for e in events] == list(range(len(events)))
        ids = [e.event_id for e in events]
        assert len(ids) == len(set(ids))
        assert {f"e{n}" for n in acknowledged} <= set(ids)


async def test_a_full_disk_refuses_appends_serves_reads_and_heals(tmp_path):
    log = EmbeddedEventLog(tmp_path / "events.db")
    await log.append("m", EXAMPLES, numbered(0, 1))
    await log._database.run(lambda c: c.execute("PRAGMA max_page_count=30").fetchall())

    with pytest.raises(Exhausted):
        await log.append("m", EXAMPLES, [NewEvent("big", bytes(500_000))])

    assert [e.event_id for e in await read_all(log)] == ["e0"]
    await log._database.run(lambda c: c.execute("PRAGMA max_page_count=100000").fetchall())
    assert await log.append("m", EXAMPLES, [NewEvent("big", bytes(500_000))]) == [Appended(1)]
    await log.close()


async def test_an_io_error_is_final(tmp_path):
    log = EmbeddedEventLog(tmp_path / "events.db")
    await log.append("m", EXAMPLES, numbered(0, 1))

    def fail(connection):
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise error

    with pytest.raises(Unavailable, match="disk failed"):
        await log.disk.run(fail)

    with pytest.raises(sqlite3.OperationalError):
        await asyncio.wait_for(log.disk.failed(), 60)
    with pytest.raises(Unavailable, match="disk failed"):
        await log.append("m", EXAMPLES, numbered(1, 2))
    await log.close()


async def test_the_file_belongs_to_one_log(tmp_path):
    log = EmbeddedEventLog(tmp_path / "events.db")

    with pytest.raises(sqlite3.OperationalError, match="locked"):
        EmbeddedEventLog(tmp_path / "events.db")

    await log.close()


async def test_expiry_needs_both_age_and_a_version_that_contains_the_event(tmp_path, monkeypatch):
    monkeypatch.setattr("riverrun.events.embedded.event_rows.ROWS_PER_STEP", 7)

    class SetClock:
        now_ns = 10**18

        def wall_ns(self):
            return self.now_ns

        def monotonic(self):
            return self.now_ns / 1e9

    clock = SetClock()
    log = EmbeddedEventLog(tmp_path / "events.db", clock=clock, horizon_s=lambda model: 100.0)
    await log.append("m", EXAMPLES, numbered(0, 30))
    clock.now_ns += 50 * 10**9
    await log.append("m", EXAMPLES, numbered(30, 60))

    await log.retention.expire("m", EXAMPLES, below=20, received_before_ns=clock.now_ns)
    by_position = await read_all(log, 20)
    await log.retention.expire("m", EXAMPLES, below=60, received_before_ns=clock.now_ns)
    by_age = await read_all(log, 30)
    clock.now_ns += 60 * 10**9
    await log.retention.expire("m", EXAMPLES, below=60, received_before_ns=0)
    ids = await log._database.run(lambda c: c.execute("SELECT count(*) FROM event_ids").fetchone()[0])

    assert [e.offset for e in by_position] == list(range(20, 60))
    assert [e.offset for e in by_age] == list(range(30, 60))
    assert ids == 30
    await log.close()


class WallClock:
    """A wall clock as the test sets it, over a monotonic one that goes by as it says."""

    def __init__(self, wall_ns: int, passed_s: float = 0.0) -> None:
        self.wall, self.passed_s = wall_ns, passed_s

    def wall_ns(self):
        return self.wall

    def monotonic(self):
        return self.passed_s


@pytest.mark.parametrize("away_s", [-86_400, 3 * 86_400])
async def test_ids_do_not_age_while_the_log_is_closed_whatever_the_wall_clock_says(tmp_path, away_s):
    day_ns = 86_400 * 10**9
    first = EmbeddedEventLog(tmp_path / "events.db", clock=WallClock(10 * day_ns))
    await first.append("m", EXAMPLES, numbered(0, 5))
    await first.close()

    clock = WallClock(10 * day_ns + away_s * 10**9)
    again = EmbeddedEventLog(tmp_path / "events.db", clock=clock)
    at_once = await again.append("m", EXAMPLES, numbered(0, 5))
    clock.passed_s = 86_401
    later = await again.append("m", EXAMPLES, numbered(0, 5))
    await again.close()

    assert all(answer.duplicate for answer in at_once)
    assert not any(answer.duplicate for answer in later)


async def a_log_of(path, events):
    log = EmbeddedEventLog(path)
    await log.append("m", EXAMPLES, numbered(0, events))
    await log.close()


def damage(path, offset):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        changed = connection.execute(
            "UPDATE events SET body = x'00' WHERE place & 1099511627775 = ?", (offset,)
        )
        assert changed.rowcount == 1


async def test_of_a_large_log_the_newest_events_are_proven_at_the_start_and_all_when_read(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("riverrun.events.embedded.proof.WHOLE_MAX", 0)
    monkeypatch.setattr("riverrun.events.embedded.proof.NEWEST", 5)
    path = tmp_path / "events.db"
    await a_log_of(path, 50)
    damage(path, 20)

    log = EmbeddedEventLog(path)

    assert not log.proven.whole
    assert [e.offset for e in await read_all(log, 21)] == list(range(21, 50))
    with pytest.raises(DigestMismatch, match="event at offset 20 of stream 1"):
        await read_all(log)
    with pytest.raises(DigestMismatch):
        await asyncio.wait_for(log.disk.failed(), 60)
    with pytest.raises(Unavailable):
        await log.append("m", EXAMPLES, numbered(50, 51))
    await log.close()
    damage(path, 47)
    with pytest.raises(DigestMismatch, match="event at offset 47"):
        EmbeddedEventLog(path)


@pytest.mark.parametrize(
    "statement", ["UPDATE events SET time_ns = 5", "UPDATE event_ids SET received_ns = 5"]
)
async def test_the_rest_of_a_large_log_is_proven_while_it_is_in_use(tmp_path, monkeypatch, statement):
    monkeypatch.setattr("riverrun.events.embedded.proof.WHOLE_MAX", 0)
    monkeypatch.setattr("riverrun.events.embedded.proof.NEWEST", 5)
    monkeypatch.setattr("riverrun.events.embedded.proof.PROVE_ROWS", 7)
    monkeypatch.setattr("riverrun.events.embedded.proof.PROVE_EVERY_S", 0.0)
    path = tmp_path / "events.db"
    await a_log_of(path, 50)
    log = EmbeddedEventLog(path)
    proving = asyncio.create_task(log.prove_rest())
    while not log.rest_proven.is_set():
        await asyncio.sleep(0)
    proving.cancel()
    await log.close()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"{statement} WHERE place & 1099511627775 = 9")

    log = EmbeddedEventLog(path)

    with pytest.raises(DigestMismatch):
        await asyncio.wait_for(log.prove_rest(), 60)
    with pytest.raises(Unavailable):
        await log.append("m", EXAMPLES, numbered(50, 51))
    await log.close()


async def test_events_that_go_while_they_are_looked_for_are_trimmed_and_not_damaged(tmp_path):
    log = EmbeddedEventLog(tmp_path / "events.db")
    await log.append("m", EXAMPLES, numbered(0, 30))

    def looked_for_after_the_trim(connection):
        event_rows.drop(connection, 1, 20, None, 100)
        return event_rows.read(connection, 1, 5, 30, 1 << 20)

    assert await log.disk.run(looked_for_after_the_trim) == []
    await log.close()
