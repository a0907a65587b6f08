"""Fixtures for all tests. Nothing here starts unless a test asks for it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from riverrun.cli.up.ports import HeldPorts
from tests.stacks import Stack

# How long one example takes, or is looked for, is the machine's to say, and no test's.
settings.register_profile("searching", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples each time, so that no run fails by chance; `make test-full` looks for others.
settings.register_profile("riverrun", settings.get_profile("searching"), derandomize=True)
settings.load_profile("riverrun")

PHISHING = """\
name: phishing
task: binary
model:
  - preprocessing.StandardScaler
  - linear_model.LogisticRegression
features: {a: float, b: float, c: {type: float, min: 0, max: 10}}
label: {type: bool}
metrics: [ROCAUC]
publish: {continuous: true}   # every example
"""


@pytest.fixture
def free_ports() -> Iterator[Callable[[int], list[int]]]:
    """Ports of this machine that nobody listens on, and that no other test is given meanwhile.

    They are listened on with SO_REUSEADDR.
    """
    with HeldPorts() as held:
        yield held.take


@pytest.fixture
def phishing_spec(tmp_path: Path) -> Path:
    """A small model as a spec file."""
    path = tmp_path / "phishing.yaml"
    path.write_text(PHISHING)
    return path


@pytest.fixture
def start_stack(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Starts stacks with the options of `Stack` and waits until they are ready; stops them in the end.

    ``start_stack(spec, replicas=2)``; another stack of the same test gets another data folder, unless
    ``data`` names one.
    """
    started: list[Stack] = []
    count = itertools.count()

    def start(*specs: Path, data: Path | None = None, **chosen: Any) -> Stack:
        folder = data or tmp_path / f"data-{next(count)}"
        stack = Stack(specs, folder, **chosen)
        started.append(stack)
        return stack.wait_ready()

    yield start
    for stack in started:
        stack.stop()


@pytest.fixture
def stack(start_stack: Callable[..., Stack], phishing_spec: Path) -> Stack:
    """A running stack with the model `phishing` and two serving processes."""
    return start_stack(phishing_spec, replicas=2)
