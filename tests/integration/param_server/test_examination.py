"""What is on disk, damaged in every way that we could think of: found, named, and never passed over.

Torn transactions and power cuts need processes and loop mounts: see tests/fault.
"""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from riverrun_param_server import version_rows
from riverrun_param_server.examination import Report, examine
from riverrun_param_server.schema import DATABASE, FORMAT, LOG_DATABASE
from typer.testing import CliRunner

from riverrun.cli.main import app
from riverrun.core.errors import DigestMismatch, NotFound, Unavailable
from riverrun.core.events import NewEvent, Stream
from riverrun.events.embedded import EmbeddedEventLog
from riverrun.runtime.sqlite.database import Database
from tests.golden import golden_store

RELEASE_FLIPS = pytest.param(2000, marks=[pytest.mark.full, pytest.mark.timeout(600)])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in the present form."""
    data = tmp_path_factory.mktemp("whole") / "data"
    shutil.copytree(golden_store.FOLDER / "store-1" / golden_store.DATA, data)
    Database(data / DATABASE, FORMAT).close()
    log = EmbeddedEventLog(data / LOG_DATABASE, clock=golden_store.Then())
    log._database.close()
    return data


@pytest.fixture
def data(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "data")


@contextlib.contextmanager
def sql(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def damage_of(report: Report) -> str:
    return "; ".join(f"{one.what}: {one.found}" for one in report.damage)


def test_a_whole_store_is_proven_and_left_as_it_is(data: Path) -> None:
    before = contents(data)

    report = examine(data)

    assert report.ok
    assert (report.models, report.versions, report.files) == (2, 11, 2)
    assert (report.streams, report.events, report.ids) == (4, 13, 19)
    assert report.notes == []
    assert contents(data) == before


def test_leftovers_and_another_store_id_are_noted_and_are_no_damage(data: Path) -> None:
    (body, *_) = (data / "bodies").glob("*/*")
    body.with_name(f"{body.name}.tmp").write_bytes(b"half")
    (data / "store_id").unlink()

    report = examine(data)

    assert report.ok
    assert any("1 files that no version names" in note for note in report.notes)
    assert any("new store_id" in note for note in report.notes)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE events SET body = body || x'00' WHERE place & 1099511627775 = 3", "event at offset 3"),
        ("UPDATE events SET time_ns = time_ns + 1 WHERE place & 1099511627775 = 3", "event at offset 3"),
        ("UPDATE events SET checksum = checksum + 1 WHERE place & 1099511627775 = 3", "event at offset 3"),
        ("UPDATE events SET body = 'text' WHERE place & 1099511627775 = 3", "event at offset 3"),
        ("DELETE FROM events WHERE place IN (SELECT place FROM events LIMIT 1 OFFSET 4)", "event at offset"),
        ("DELETE FROM events WHERE place IN (SELECT max(place) FROM events)", "event at offset"),
        ("DELETE FROM events", "event at offset"),
        ("DELETE FROM streams WHERE id = 1", "table events"),
        ("UPDATE streams SET next_offset = next_offset - 1 WHERE id = 1", "row of stream 1"),
        ("UPDATE streams SET first_offset = first_offset + 1 WHERE id = 1", "row of stream 1"),
        ("UPDATE event_ids SET received_ns = 0 WHERE place & 1099511627775 = 3", "id of place"),
        ("UPDATE event_ids SET fingerprint = x'00' WHERE place & 1099511627775 = 3", "id of place"),
        ("UPDATE meta SET value = 'another'", "row of meta"),
        ("DELETE FROM meta", "file events.sqlite"),
    ],
)
def test_a_damaged_row_of_the_log_is_found_and_named(data: Path, statement: str, named: str) -> None:
    log = EmbeddedEventLog(data / LOG_DATABASE, clock=golden_store.Then())
    log_id = log.proven.log_id
    log._database.close()
    with sql(data / DATABASE) as connection:
        connection.execute(
            "INSERT INTO meta VALUES ('event_log', ?, ?)",
            (log_id, sha256(b"event_log\x00" + log_id.encode()).digest()),
        )
    assert examine(data).ok
    with sql(data / LOG_DATABASE) as connection:
        connection.execute(statement)

    report = examine(data)

    assert named in damage_of(report)
    assert report.versions == 11


HISTORY = "history/flights/examples/0000000000000.parquet"


def test_history_is_proven_as_well(tmp_path: Path) -> None:
    data = shutil.copytree(golden_store.FOLDER / "store-3" / golden_store.DATA, tmp_path / "data")
    (data / HISTORY).with_suffix(".parquet.tmp").write_bytes(b"half")

    report = examine(data)

    assert report.ok
    assert (report.events, report.history_files, report.history_events) == (6, 1, 7)
    assert report.history_bytes == (data / HISTORY).stat().st_size
    assert report.notes == ["1 history files that no row names: the next start removes them"]


@pytest.mark.parametrize(
    ("damaged", "named"),
    [
        (lambda data: flip(data / HISTORY), "0000000000000.parquet"),
        (lambda data: (data / HISTORY).unlink(), "no file"),
        (lambda data: run_sql(data, "UPDATE history SET sha = x'00'"), "row of history file"),
        (lambda data: run_sql(data, "UPDATE history SET end = end - 1"), "row of history file"),
        (
            lambda data: run_sql(data, "DELETE FROM events WHERE place & 1099511627775 = 9"),
            "event at offset 9",
        ),
    ],
)
def test_damage_in_history_is_found_and_named(
    tmp_path: Path, damaged: Callable[[Path], None], named: str
) -> None:
    data = shutil.copytree(golden_store.FOLDER / "store-3" / golden_store.DATA, tmp_path / "data")
    damaged(data)

    assert named in damage_of(examine(data))


def flip(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[len(body) // 3] ^= 4
    path.write_bytes(body)


def run_sql(data: Path, statement: str) -> None:
    with sql(data / LOG_DATABASE) as connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE versions SET good = 1 - good WHERE version = 2", "row of version 2"),
        ("DELETE FROM versions WHERE version = 7", "row of version 8"),
        ("UPDATE specs SET yaml = yaml || ' '", "spec"),
        ("PRAGMA user_version = 9", "file params.sqlite"),
        ("PRAGMA application_id = 9", "file params.sqlite"),
        ("CREATE TABLE another (x)", "file params.sqlite"),
    ],
)
def test_a_damaged_row_of_the_store_is_found_and_named(data: Path, statement: str, named: str) -> None:
    with sql(data / DATABASE) as connection:
        connection.execute(statement)

    report = examine(data)

    assert named in damage_of(report)
    assert report.events == 13


def test_weights_that_are_not_those_of_their_roots_are_found_though_every_checksum_is_right(
    data: Path,
) -> None:
    with sql(data / DATABASE) as connection:
        row = version_rows.select(connection, 1, 4)
        other = version_rows.select(connection, 1, 3)
        assert row is not None
        assert other is not None
        version_rows.update(connection, replace(row, delta=other.delta))

    report = examine(data)

    assert [one.what for one in report.damage] == ["weights of version 4 of flights"]


def test_a_body_that_was_exchanged_or_is_gone_is_named_by_its_file(data: Path) -> None:
    (body, *_) = (data / "bodies").glob("*/*")
    content = body.read_bytes()
    for found in (b"", content[:-1], content[:5000] + bytes(512) + content[5512:]):
        body.write_bytes(found)
        assert str(body) in damage_of(examine(data))
    body.unlink()
    assert f"{body} of version" in damage_of(examine(data))


def test_damage_within_a_page_is_told_by_its_offset(data: Path) -> None:
    log = data / LOG_DATABASE
    content = bytearray(log.read_bytes())
    page = content.index(b"example-5") // 4096 * 4096
    content[page + 8 : page + 16] = bytes(8)
    log.write_bytes(content)

    assert f"offset {page}" in damage_of(examine(data))


@pytest.mark.parametrize("content", [None, b""])
def test_a_database_that_is_gone_refuses_the_start_until_a_person_says_so(
    data: Path, content: bytes | None
) -> None:
    for name in (DATABASE, f"{DATABASE}-journal"):
        (data / name).unlink()
    if content is not None:
        (data / DATABASE).write_bytes(content)

    assert DATABASE in damage_of(examine(data))
    for _ in range(2):
        with pytest.raises(DigestMismatch, match=DATABASE):
            open_store(data)
    (data / "store_id").unlink()
    shutil.rmtree(data / "bodies")
    open_store(data)


def open_store(data: Path) -> None:
    from riverrun_param_server.fatal import Fatal
    from riverrun_param_server.store import Store

    Store(data, Fatal()).close()


async def test_a_log_that_is_gone_refuses_the_start_until_a_person_says_so(data: Path) -> None:
    async with golden_store.opened(data):
        pass
    for name in (LOG_DATABASE, f"{LOG_DATABASE}-journal"):
        (data / name).unlink()

    assert LOG_DATABASE in damage_of(examine(data))
    for _ in range(2):
        with pytest.raises(DigestMismatch, match=LOG_DATABASE):
            async with golden_store.opened(data):
                pass
    (data / "store_id").unlink()
    async with golden_store.opened(data) as stack:
        assert stack.running.event_log.proven.events == 0
    assert examine(data).ok


async def test_a_lost_log_does_not_take_its_history_along(tmp_path: Path) -> None:
    data = shutil.copytree(golden_store.FOLDER / "store-3" / golden_store.DATA, tmp_path / "data")
    (data / LOG_DATABASE).unlink()
    left_by_a_crash = data / "history" / "flights" / "examples" / "0000000000009.parquet.tmp"

    with pytest.raises(DigestMismatch, match=LOG_DATABASE):
        async with golden_store.opened(data):
            pass

    assert (data / HISTORY).exists()
    shutil.copy(golden_store.FOLDER / "store-3" / golden_store.DATA / LOG_DATABASE, data)
    left_by_a_crash.write_bytes(b"half")
    async with golden_store.opened(data) as stack:
        assert stack.running.event_log.history.total_bytes() == (data / HISTORY).stat().st_size
    assert not left_by_a_crash.exists()


async def test_a_store_in_use_and_none_at_all_are_refused(data: Path, tmp_path: Path) -> None:
    async with golden_store.opened(data):
        with pytest.raises(Unavailable, match="a parameter server uses it"):
            examine(data)
    with pytest.raises(NotFound):
        examine(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFound):
        examine(tmp_path / "empty")


async def all_that_the_log_answers(path: Path) -> dict[str, Any]:
    log = EmbeddedEventLog(path, clock=golden_store.Then())
    try:
        events: dict[str, Any] = {
            stream.value: [e async for b in log.read("flights", stream, {}, follow=False) for e in b]
            for stream in Stream
        }
        known = [NewEvent(f"example-{n}", b"", fingerprint=b"true") for n in range(13)]
        events["known"] = await log.append("flights", Stream.EXAMPLES, known)
        return events
    finally:
        await log.close()


@pytest.mark.parametrize("flips", [100, RELEASE_FLIPS])
async def test_a_flipped_bit_in_the_log_is_found_or_changes_no_answer(
    whole: Path, tmp_path: Path, flips: int
) -> None:
    seed = 11
    print("seed", seed)
    rng = random.Random(seed)
    content = (whole / LOG_DATABASE).read_bytes()
    path = tmp_path / LOG_DATABASE
    path.write_bytes(content)
    expected = await all_that_the_log_answers(path)
    refused: list[str] = []
    for _ in range(flips):
        at, bit = rng.randrange(len(content)), 1 << rng.randrange(8)
        flipped = bytearray(content)
        flipped[at] ^= bit
        path.write_bytes(flipped)
        path.with_name(f"{path.name}-journal").unlink(missing_ok=True)

        try:
            answers = await all_that_the_log_answers(path)
        except (DigestMismatch, ValueError) as error:
            refused.append(str(error))
        else:
            assert answers == expected, f"byte {at}, bit {bit}"
    print(f"{len(refused)} of {flips} flips were refused, the others changed nothing")
    assert len(refused) > flips / 20
    assert all(LOG_DATABASE in one or "event log" in one for one in refused), refused


def test_the_command_says_whole_or_damaged_by_its_exit_status(data: Path) -> None:
    runner = CliRunner()
    good = runner.invoke(app, ["store", "verify", str(data), "--output", "json"])
    (body, *_) = (data / "bodies").glob("*/*")
    body.write_bytes(b"")
    bad = runner.invoke(app, ["store", "verify", str(data)])

    assert good.exit_code == 0, good.output
    assert json.loads(good.stdout)["versions"] == 11
    assert bad.exit_code == 1
    assert body.name in bad.stdout
    assert "DAMAGED" in bad.stdout
