"""What a process under measurement started is counted with it, and ends with it."""

from __future__ import annotations

import os
import subprocess

import pytest

from benchmarks import processes
from benchmarks.processes import stop_tree, tree, wait_until
from tests.stacks import is_running

# A shell whose child has one, too; neither child hears of the shell's end.
FAMILY = ["sh", "-c", "(sleep 600; true) & wait"]


def test_all_that_a_process_started_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "STOP_S", 0.2)
    process = subprocess.Popen(FAMILY)
    wait_until(lambda: len(tree(process.pid)) == 3, "the family")
    family = tree(process.pid)

    stop_tree(process)

    assert family[0] == process.pid
    assert not any(is_running(pid) for pid in family)


def test_a_process_that_has_ended_has_no_tree() -> None:
    process = subprocess.Popen(["true"])
    process.wait()

    assert tree(process.pid) == []
    assert os.getpid() in tree(os.getpid())
