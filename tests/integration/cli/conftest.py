"""One stack for all tests here; each test has a model of its own in it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from riverrun.cli.main import app
from riverrun.client import Client
from riverrun.core.errors import NotFound, NotReady
from tests.stacks import PATIENCE_S, Stack, eventually

SPEC = """\
name: {name}
task: binary
model:
  - preprocessing.StandardScaler
  - linear_model.LogisticRegression
features: {{a: float, b: float, c: {{type: float, min: 0, max: 10}}}}
metrics: [ROCAUC]
publish: {{continuous: true}}   # every example
"""

ROW = {"a": 1.0, "b": 2.0, "c": 3.0}

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Said:
    """What one run of the command said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its one line of JSON."""
        assert self.status == 0, self.err
        assert self.out.count("\n") == 1
        return json.loads(self.out)


class Cli:
    """The command, told where the stack is by its data folder."""

    def __init__(self, stack: Stack) -> None:
        self._where = ["--data", str(stack.data)]
        self._runner = CliRunner()

    def __call__(self, *arguments: str, text: str | None = None, where: bool = True) -> Said:
        result = self._runner.invoke(app, [*arguments, *(self._where if where else [])], input=text)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    def json(self, *arguments: str, text: str | None = None) -> Any:
        """The JSON that a run answers."""
        return self(*arguments, "--output", "json", text=text).json


@pytest.fixture(scope="session")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack([], tmp_path_factory.mktemp("stack") / "data")
    try:
        yield stack.wait_ready()
    finally:
        stack.stop()


@pytest.fixture
def cli(shared_stack: Stack) -> Cli:
    return Cli(shared_stack)


@pytest.fixture
def client(shared_stack: Stack) -> Iterator[Client]:
    with Client(data=shared_stack.data, timeout_s=PATIENCE_S) as client:
        yield client


@pytest.fixture
def new_model(client: Client) -> Callable[..., str]:
    """Registers a model of its own with so many examples, each a version; its name."""

    def make(examples: int = 0, spec: str = SPEC) -> str:
        name = f"m{next(_numbers)}"
        client.apply(spec.format(name=name))
        eventually(lambda: client.versions(name), what="an untrained version")
        for number in range(examples):
            client.feedback(name, number % 2 == 0, features=ROW | {"a": float(number)})
            eventually(lambda n=number: client.versions(name)[0].examples == n + 1, what="a learned example")
        eventually(lambda: answers_with(client, name, client.versions(name)[0].version), what="an answer")
        return name

    return make


def answers_with(client: Client, model: str, version: int) -> bool:
    """Whether serving answers with `version` now."""
    try:
        return client.predict(model, ROW).model_version == version
    except (NotFound, NotReady):
        # Serving learns of a new model by itself.
        return False


def reported(client: Client, model: str, version: int) -> bool:
    """Whether the parameter server was told by a reader that it answers with `version`."""
    return any(reader.version == version for reader in client.readers(model))


@pytest.fixture
def spec_file(tmp_path: Path) -> Callable[[str], str]:
    """Writes a spec for the command line; its path."""

    def write(text: str) -> str:
        path = tmp_path / f"spec-{next(_numbers)}.yaml"
        path.write_text(text)
        return str(path)

    return write
