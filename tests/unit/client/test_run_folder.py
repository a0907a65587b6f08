"""The run folder as the supervisor writes it and clients read it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from riverrun.client.run_folder import RunFolder, ServiceRecord
from riverrun.core.errors import AlreadyExists


def record(service: str = "trainer", index: int = 0, pid: int = 7) -> ServiceRecord:
    return ServiceRecord(
        service=service,  # type: ignore[arg-type]
        index=index,
        pid=pid,
        ports={"http": 8004},
        log="x.log",
        started="2026-11-24T07:30:00.000+00:00",
    )


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write(record())
    folder.write(record("serving", 1))

    assert folder.read() == [record("serving", 1), record()]
    assert (tmp_path / "run" / "serving-1.json").exists()
    assert (tmp_path / "run" / "trainer.json").exists()


def test_a_newer_record_replaces_the_older_one(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write(record(pid=7))
    folder.write(record(pid=8))

    assert [found.pid for found in folder.read()] == [8]


def test_files_that_are_no_records_are_passed_over(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write(record())
    (tmp_path / "run" / "half.json").write_text('{"service": "serv')

    assert folder.read() == [record()]


def test_nothing_is_read_where_nothing_runs(tmp_path: Path) -> None:
    assert RunFolder(tmp_path / "none").read() == []


def test_clearing_forgets_records_and_puts_logs_aside(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write(record())
    folder.log_path("trainer").write_text("before")

    folder.clear(["trainer", "param-server"])

    assert folder.read() == []
    assert (tmp_path / "run" / "trainer.previous.log").read_text() == "before"


def test_the_lock_names_the_process_that_has_it(tmp_path: Path) -> None:
    with (
        RunFolder(tmp_path).locked(),
        pytest.raises(AlreadyExists, match=f"process {os.getpid()}"),
        RunFolder(tmp_path).locked(),
    ):
        pass

    with RunFolder(tmp_path).locked():
        pass


def test_a_process_of_this_id_runs_or_not(tmp_path: Path) -> None:
    assert record(pid=os.getpid()).is_running
    assert not record(pid=2**22 + 1).is_running
