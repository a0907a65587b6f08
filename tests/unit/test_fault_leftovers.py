"""What fault runs that were killed left behind goes; what a running one uses stays."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.fault.harness import leftovers


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(leftovers, "MEMORY_CGROUPS", (tmp_path / "cgroups", tmp_path / "none"))
    (tmp_path / "cgroups").mkdir()
    return tmp_path


def ended() -> int:
    """The id of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_folders_and_cgroups_of_processes_that_are_gone_are_removed(places: Path) -> None:
    gone = ended()
    (places / f"riverrun-fault-{gone}-x" / "life-0").mkdir(parents=True)
    (places / "cgroups" / f"riverrun-fault-{gone}").mkdir()

    leftovers.sweep()

    assert list(places.glob("*fault*")) == list((places / "cgroups").iterdir()) == []


def test_what_a_running_process_uses_and_what_is_not_ours_stays(places: Path) -> None:
    mine = places / leftovers.named("-x")
    other = places / "riverrun-fault-9abc"
    cgroup = places / "cgroups" / leftovers.named()
    for folder in (mine, other, cgroup):
        folder.mkdir()

    leftovers.sweep()

    assert mine.name.startswith(f"riverrun-fault-{os.getpid()}")
    assert [folder.exists() for folder in (mine, other, cgroup)] == [True, True, True]
