"""Every verb against a running stack: what it does, what it says as JSON, and that its undo undoes it."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from riverrun.client import Client
from tests.integration.cli.conftest import ROW, SPEC, Cli, answers_with, reported
from tests.stacks import Stack, eventually

Make = Callable[..., str]


def undo(cli: Cli, outcome: dict[str, object]) -> None:
    """Run what a verb said undoes it."""
    command = shlex.split(str(outcome["undo"]))
    assert command[0] == "riverrun"
    said = cli(*command[1:])
    assert said.status == 0, said.err


def test_apply_registers_and_delete_undoes_it(
    cli: Cli, client: Client, spec_file: Callable[[str], str]
) -> None:
    path = spec_file(SPEC.format(name="applied"))

    [outcome] = cli.json("apply", "--file", path)

    assert outcome["model"] == "applied"
    assert (outcome["changed"], outcome["opened_line"]) == (True, True)
    [again] = cli.json("apply", "--file", path)
    assert (again["changed"], again["undo"]) == (False, "")
    said = cli("delete", "applied").out
    assert said.startswith("deleted applied: serving answers it no more\n")
    assert SPEC.format(name="applied") in said
    assert cli("apply", "--file", path).status == 0
    undo(cli, outcome)
    assert "applied" not in [info.name for info in client.models()]
    assert cli("apply", "--file", path).status == 0
    assert "applied" in [info.name for info in client.models()]


def test_another_model_learns_on_candidate_until_it_is_promoted(
    cli: Cli, client: Client, new_model: Make, spec_file: Callable[[str], str]
) -> None:
    name = new_model(examples=1)
    other = SPEC.format(name=name).replace("  - preprocessing.StandardScaler\n", "")

    [outcome] = cli.json("apply", "--file", spec_file(other))

    assert outcome["opened_line"] is True
    info = client.model(name)
    assert {channel.name: channel.follows for channel in info.channels} == {"live": 1, "candidate": 2}

    eventually(lambda: client.model(name).lines[1].head, what="a version of the new line")
    promoted = cli.json("promote", name)

    assert promoted["channel"]["follows_line"] == 2
    assert promoted["previous"]["follows_line"] == 1
    eventually(lambda: answers_with(client, name, client.model(name).lines[1].head), what="the new line live")


def test_models_versions_and_readers_say_what_there_is(cli: Cli, client: Client, new_model: Make) -> None:
    name = new_model(examples=2)
    eventually(lambda: reported(client, name, 3), what="a report")

    [model] = [model for model in cli.json("models") if model["name"] == name]
    versions = cli.json("versions", name)
    [reader] = cli.json("readers", name)
    [fresh] = cli.json("freshness", name)

    assert model["channels"] == [
        {"name": "live", "version": 3, "generation": model["channels"][0]["generation"]}
        | {"follows_line": 1, "held": False}
    ]
    assert [version["version"] for version in versions] == [3, 2, 1]
    assert [version["examples"] for version in versions] == [2, 1, 0]
    assert [version["parent"] for version in versions] == [2, 1, 0]
    assert all(len(version["digest"]) == 64 for version in versions)
    assert versions[0]["kept_for"][:2] == ["channel live", "line 1"]
    assert versions[1]["kept_for"] == ["recent"]
    assert [version["kept_delta_bytes"] > 0 for version in versions] == [True, True, False]
    assert versions[2]["kept_snapshot_bytes"] > 0
    assert (reader["model"], reader["channel"], reader["version"]) == (name, "live", 3)
    assert (fresh["reader"], fresh["version"], fresh["lag"]) == (reader["reader"], 3, 0)
    assert fresh["freshness_ms"]["swaps"] >= 1
    assert 0 < fresh["freshness_ms"]["p50"] <= fresh["freshness_ms"]["p99"]
    assert cli.json("versions", name, "--limit", "1", "--before", "3")[0]["version"] == 2


def test_tables_hold_the_same(cli: Cli, client: Client, new_model: Make) -> None:
    name = new_model(examples=1)
    eventually(lambda: reported(client, name, 2), what="a report")

    assert name in cli("models").out
    shown = cli("versions", name).out
    assert "ROCAUC" in shown
    assert "channel live, line 1" in shown
    assert "watch" in cli("readers", name).out
    assert " ms" in cli("freshness", name).out
    status = cli("status").out
    assert name in status
    assert "param-server" in status


def test_status_says_models_and_processes(
    cli: Cli, client: Client, new_model: Make, shared_stack: Stack
) -> None:
    name = new_model(examples=1)
    eventually(lambda: reported(client, name, 2), what="a report")

    status = cli.json("status")

    [model] = [model for model in status["models"] if model["name"] == name]
    assert model["live"]["version"] == 2
    assert model["readers"][0]["lag"] == 0
    assert [service["service"] for service in status["services"]] == ["param-server", "serving", "trainer"]
    assert all(service["running"] for service in status["services"])
    assert {service["pid"] for service in status["services"]} == {r.pid for r in shared_stack.records()}


def test_rollback_and_resume_undo_each_other(cli: Cli, client: Client, new_model: Make) -> None:
    name = new_model(examples=3)

    rolled = cli.json("rollback", name, "--to", "2")

    assert (rolled["channel"]["version"], rolled["channel"]["held"]) == (2, True)
    eventually(lambda: answers_with(client, name, 2), what="the old version")
    undo(cli, rolled)
    eventually(lambda: answers_with(client, name, 4), what="the newest version again")


def test_rollback_goes_to_the_newest_good_version(cli: Cli, client: Client, new_model: Make) -> None:
    name = new_model(examples=1)
    cli.json("promote", name, "--version", "2")
    cli.json("resume", name)
    client.feedback(name, True, features=ROW)
    eventually(lambda: answers_with(client, name, 3), what="a newer version")

    rolled = cli.json("rollback", name)

    assert rolled["channel"]["version"] == 2


def test_rollback_goes_to_what_was_before_a_time(cli: Cli, client: Client, new_model: Make) -> None:
    name = new_model(examples=2)
    created = cli.json("versions", name)[0]["created"]

    rolled = cli.json("rollback", name, "--before", created)

    assert rolled["channel"]["version"] < 3


def test_pin_pause_and_a_channel_of_its_own(cli: Cli, client: Client, new_model: Make) -> None:
    name = new_model(examples=2)

    paused = cli.json("pause", name)
    assert (paused["channel"]["version"], paused["channel"]["held"]) == (3, True)
    pinned = cli.json("pin", name, "1")
    assert pinned["undo"] == f"riverrun pin {name} 3"
    undo(cli, pinned)
    assert cli.json("resume", name)["channel"]["held"] is False

    frozen = cli.json("pin", name, "2", "--channel", "frozen")
    assert frozen["channel"]["name"] == "frozen"
    names = [channel.name for channel in client.model(name).channels]
    assert names == ["frozen", "live"]


def test_reset_learns_on_from_an_older_version(cli: Cli, client: Client, new_model: Make) -> None:
    name = new_model(examples=3)

    done = cli.json("reset", name, "--to", "2", "--skip")

    assert (done["line"]["number"], done["to"], done["previous_head"]) == (2, 2, 4)
    assert done["undo"] == f"riverrun reset {name} --to 4 --skip"
    client.feedback(name, True, features=ROW)
    eventually(lambda: client.versions(name)[0].parent == 2, what="a version that goes on from 2")
    assert client.versions(name)[0].examples == 2


def test_rollback_with_reset_holds_and_learns_on_from_there(
    cli: Cli, client: Client, new_model: Make
) -> None:
    name = new_model(examples=3)

    rolled = cli.json("rollback", name, "--to", "2", "--reset", "replay")

    assert rolled["channel"] | {"generation": 0} == {
        "name": "live",
        "version": 2,
        "generation": 0,
        "follows_line": None,
        "held": True,
    }
    assert rolled["reset"]["number"] == 2
    eventually(lambda: client.versions(name)[0].examples == 3, what="the examples learned again")
    resumed = cli.json("resume", name)
    assert resumed["channel"]["follows_line"] == 2


def test_policies_are_set_shown_and_set_back(cli: Cli, client: Client, new_model: Make) -> None:
    name = new_model()

    changed = cli.json("policy", "set", name, "publish.every_events=5", "publish.continuous=null")

    assert changed["before"] == {"publish.every_events": None, "publish.continuous": True}
    shown = cli.json("policy", "show", name)
    assert shown["set"]["publish.every_events"] == 5
    assert shown["publish"] == "every 5 events, budget 20%"
    assert "# every example" in client.model(name).spec_yaml
    undo(cli, changed)
    assert cli.json("policy", "show", name)["publish"] == "continuous, budget 20%"


def test_predict_answers_one_row_and_many(cli: Cli, new_model: Make, tmp_path: Path) -> None:
    name = new_model(examples=2)
    rows = tmp_path / "rows.ndjson"
    rows.write_text("\n".join(json.dumps(ROW | {"a": float(n)}) for n in range(3)))

    one = cli.json("predict", name, "--features", json.dumps(ROW), "--id", "p1")
    many = cli.json("predict", name, "--features", f"@{rows}")
    typed = cli("predict", name, text=json.dumps(ROW))

    assert (one["id"], one["model_version"], one["channel"]) == ("p1", 3, "live")
    assert sum(one["probabilities"].values()) > 0.999
    assert len(many["ids"]) == len(many["predictions"]) == 3
    assert "by version 3" in typed.out


def test_feedback_is_learned_and_counts_once(cli: Cli, client: Client, new_model: Make) -> None:
    name = new_model()
    row = json.dumps(ROW)

    first = cli.json("feedback", name, "--label", "true", "--features", row, "--id", "p1")
    again = cli.json("feedback", name, "--label", "1", "--features", row, "--id", "p1")
    lines = "\n".join(json.dumps({"features": ROW, "label": n == 0}) for n in range(2))
    many = cli.json("feedback", name, "--entries", "-", text=lines)

    assert (first["accepted"], first["duplicates"]) == (1, 0)
    assert (again["accepted"], again["duplicates"]) == (1, 1)
    assert many["accepted"] == 2
    eventually(lambda: client.versions(name)[0].examples == 3, what="three examples learned")


def test_a_rejected_entry_is_status_1_and_the_others_count(cli: Cli, new_model: Make) -> None:
    name = new_model()
    lines = [{"features": ROW, "label": True}, {"features": ROW | {"c": 11.0}, "label": True}]

    said = cli("feedback", name, "--entries", "-", text="\n".join(map(json.dumps, lines)))

    assert said.status == 1
    assert said.out.startswith("1 of 2 are durable")
    assert said.err == "riverrun: entry 1: features.c: expected at most 10, got 11.0\n"


def test_status_is_watched_until_ctrl_c(shared_stack: Stack) -> None:
    command = [sys.executable, "-m", "riverrun.cli", "status", "--watch", "--every", "0.1"]
    where = ["--output", "json", "--data", str(shared_stack.data)]
    with subprocess.Popen(
        [*command, *where], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        lines = [json.loads(run.stdout.readline()) for _ in range(3)]
        run.send_signal(signal.SIGINT)
        status = run.wait(60)
        said = run.stderr.read()

    assert all(line.keys() == {"models", "services"} for line in lines)
    assert (status, said) == (130, "")
