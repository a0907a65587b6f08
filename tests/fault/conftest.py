"""Faults: nothing here runs unless ``RIVERRUN_FAULTS_SIZE`` asks for it; see README.md.

A test of a row carries ``@pytest.mark.row("A1")`` and fills the fixture `figures`; its outcome is recorded
for the report. ``@pytest.mark.needs("loop", "strace")`` skips it where the machine lacks something, or
fails it under ``RIVERRUN_FAULTS_REQUIRED=1``.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.fault.harness import leftovers
from tests.fault.harness.needs import memory_disk, missing
from tests.fault.harness.results import Result
from tests.fault.harness.size import LIMIT_S, SIZE

REQUIRED = os.environ.get("RIVERRUN_FAULTS_REQUIRED", "") == "1"
HERE = Path(__file__).parent

collect_ignore_glob = [] if SIZE else ["test_*.py"]

_FIGURES: dict[str, dict[str, Any]] = {}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "row(id): the row of the reliability page that the test shows")
    config.addinivalue_line("markers", "needs(*names): what the test needs of the machine")


def pytest_sessionstart() -> None:
    if SIZE:
        leftovers.sweep()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # The tests of other folders come by here as well.
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(LIMIT_S))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        if reason := missing(mark.args):
            if REQUIRED:
                pytest.fail(f"required here, but {reason}", pytrace=False)
            pytest.skip(reason)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    outcome: Any = yield
    report = outcome.get_result()
    mark = item.get_closest_marker("row")
    if mark is not None and report.when == "call" and not report.skipped:
        figures = _FIGURES.pop(item.nodeid, {})
        Result(mark.args[0], item.name, SIZE, report.passed, round(report.duration, 1), figures).write()


@pytest.fixture(autouse=True)
def _quiet() -> None:
    """Clients that lose their server are what is wanted here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("error"))


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the test measured, for the report; filled before what may fail is asserted."""
    return _FIGURES.setdefault(request.node.nodeid, {})


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder on a real disk; gone after the test."""
    with tempfile.TemporaryDirectory(prefix=leftovers.named("-")) as name:
        assert not memory_disk(Path(name)), f"set TMPDIR: {memory_disk(Path(name))}"
        yield Path(name)


@pytest.fixture
def seed() -> int:
    """The seed of every random choice; printed by each run."""
    return int(os.environ.get("RIVERRUN_FAULTS_SEED", "1"))


@pytest.fixture
def release() -> bool:
    """Whether the release sizes are asked for, not those of CI."""
    return SIZE == "release"
