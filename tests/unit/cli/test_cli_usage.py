"""The command without a stack: help, usage errors, one clear line where nothing runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from riverrun.cli.main import app

VERBS = [
    ["up"],
    ["models"],
    ["versions", "m"],
    ["readers"],
    ["status"],
    ["apply", "-f", "spec.yaml"],
    ["delete", "m"],
    ["promote", "m"],
    ["rollback", "m"],
    ["reset", "m", "--to", "1", "--skip"],
    ["pin", "m", "1"],
    ["pause", "m"],
    ["resume", "m"],
    ["predict", "m", "--features", "{}"],
    ["feedback", "m", "--label", "1"],
    ["replay", "m", "phishing"],
    ["policy", "show", "m"],
    ["policy", "set", "m", "publish.every=1s"],
    ["experiment", "start", "m", "pace", "--arm", "now=live@50%", "--arm", "old=frozen@50%"],
    ["experiment", "list", "m"],
    ["experiment", "status", "m"],
    ["experiment", "report", "m", "--out", "pace.png"],
    ["experiment", "stop", "m", "pace"],
    ["experiment", "promote", "m", "pace", "old"],
    ["spec", "check", "spec.yaml"],
    ["spec", "schema"],
]
LOCAL = ("up", "spec")

SPEC = "name: m\ntask: binary\nmodel: [linear_model.LogisticRegression]\n"


@pytest.fixture(autouse=True)
def no_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder to be in, and nothing in the environment that names a stack."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RIVERRUN_SERVER", raising=False)
    monkeypatch.delenv("RIVERRUN_SERVING", raising=False)
    Path("spec.yaml").write_text(SPEC)


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner()


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_explains_itself_and_its_json(verb: list[str], runner: CliRunner) -> None:
    name = verb[:2] if verb[0] in ("experiment", "policy", "spec") else verb[:1]

    result = runner.invoke(app, [*name, "--help"])

    assert result.exit_code == 0
    assert "JSON:" in result.stdout
    assert "--output" in result.stdout


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb[0] not in LOCAL], ids=" ".join)
def test_without_a_stack_one_line_says_how_to_have_one(verb: list[str], runner: CliRunner) -> None:
    result = runner.invoke(app, verb)

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("riverrun: ")
    assert "start `riverrun up`" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "No such command 'nothing'"),
        (["versions"], "Missing argument"),
        (["versions", "m", "--limit", "0"], "--limit"),
        (["pin", "m", "zero"], "valid integer"),
        (["pin", "m", "0"], "greater than or equal to 1"),
        (["reset", "m", "--skip"], "--to"),
        (["reset", "m", "--to", "1"], "--skip"),
        (["rollback", "m", "--reset", "forget"], "forget"),
        (["rollback", "m", "--before", "yesterday"], "expected a time with a zone"),
        (["rollback", "m", "--before", "2026-11-24T07:30:00"], "expected a time with a zone"),
        (["policy", "set", "m", "publish.every"], "expected KEY=VALUE"),
        (["policy", "set", "m", "=1"], "expected KEY=VALUE"),
        (["experiment", "start", "m", "pace"], "--arm"),
        (["experiment", "start", "m", "pace", "--arm", "now"], "expected NAME=WHAT@SHARE"),
        (["experiment", "start", "m", "pace", "--arm", "now=live@half"], "expected a percentage"),
        (["experiment", "start", "m", "pace", "--arm", "now=every:soon@50%"], "expected a duration"),
        (
            ["experiment", "start", "m", "pace", "--arm", "now=live@50%", "--guardrail", "speed=1"],
            "with loss or harm",
        ),
        (["feedback", "m"], "--entries"),
        (["feedback", "m", "--label", "1", "--entries", "-"], "--entries"),
        (["up", "--replicas", "0"], "--replicas"),
        (["up", "--rest-port", "70000"], "--rest-port"),
        (["models", "--output", "xml"], "xml"),
        (["models", "--colour"], "--colour"),
    ],
)
def test_a_misspelt_command_is_status_2(arguments: list[str], said: str, runner: CliRunner) -> None:
    result = runner.invoke(app, arguments)

    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_right_spec_is_named(runner: CliRunner) -> None:
    result = runner.invoke(app, ["spec", "check", "spec.yaml"])

    assert (result.exit_code, result.stdout) == (0, "spec.yaml: m is valid\n")


def test_a_wrong_spec_names_the_line_and_the_key(runner: CliRunner) -> None:
    Path("wrong.yaml").write_text(SPEC + "publish: {every: soon}\n")

    result = runner.invoke(app, ["spec", "check", "spec.yaml", "wrong.yaml"])

    assert result.exit_code == 1
    assert (
        result.stderr
        == "wrong.yaml:4: publish.every: expected a duration such as 250ms, 10s, 5m, 48h or 7d\n"
    )


def test_spec_check_as_json_says_the_same(runner: CliRunner) -> None:
    Path("wrong.yaml").write_text(SPEC + "colour: red\n")

    result = runner.invoke(app, ["spec", "check", "spec.yaml", "wrong.yaml", "--output", "json"])

    assert result.exit_code == 1
    assert json.loads(result.stdout) == [
        {"file": "spec.yaml", "valid": True, "model": "m", "line": None, "field": None, "expected": None},
        {
            "file": "wrong.yaml",
            "valid": False,
            "model": None,
            "line": 4,
            "field": "colour",
            "expected": "unknown key",
        },
    ]


def test_a_spec_can_come_by_standard_input(runner: CliRunner) -> None:
    assert runner.invoke(app, ["spec", "check", "-"], input=SPEC).exit_code == 0


@pytest.mark.parametrize("verb", [["spec", "check"], ["apply", "-f"], ["up", "-f"]], ids=" ".join)
def test_a_file_that_cannot_be_read_is_named(verb: list[str], runner: CliRunner) -> None:
    Path("bytes.yaml").write_bytes(b"\xff\xfe")

    gone = runner.invoke(app, [*verb, "gone.yaml"])
    unreadable = runner.invoke(app, [*verb, "bytes.yaml"])

    assert (gone.exit_code, gone.stderr) == (1, "riverrun: gone.yaml: no such file or directory\n")
    assert (unreadable.exit_code, unreadable.stderr) == (1, "riverrun: bytes.yaml: expected UTF-8 text\n")


def test_two_specs_of_one_model_are_refused(runner: CliRunner) -> None:
    Path("again.yaml").write_text(SPEC)

    result = runner.invoke(app, ["up", "-f", "spec.yaml", "-f", "again.yaml"])

    assert result.exit_code == 1
    assert "model m is in both spec.yaml and again.yaml" in result.stderr
    assert not Path("riverrun-data").exists()


def test_the_schema_is_json_schema(runner: CliRunner) -> None:
    result = runner.invoke(app, ["spec", "schema", "--output", "json"])

    schema = json.loads(result.stdout)
    assert {"name", "task", "model", "publish", "sync"} <= schema["properties"].keys()


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from riverrun.cli.main import app; "
        "heavy = {'grpc', 'numpy', 'pydantic', 'httpx2', 'rich', 'river', 'ruamel'}; "
        "print(sorted(sys.modules.keys() & heavy))"
    )

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout == "[]\n"
