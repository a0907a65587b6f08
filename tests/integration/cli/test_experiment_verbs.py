"""The verbs of experiments against a running stack: what they do, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from riverrun.client import Client
from tests.integration.cli.conftest import ROW, SPEC, Cli, answers_with
from tests.stacks import eventually

JOINING = SPEC + "label: {{window: 1h}}\n"
PACES = ("--arm", "now=live@50%", "--arm", "hourly=every:1h@25%", "--arm", "old=frozen@25%")


def send(cli: Cli, client: Client, name: str, keys: int) -> dict[str, Any]:
    """Predict and label `keys` keys, once serving knows the experiment; its status when all are judged."""
    eventually(lambda: client.predict(name, ROW, key="k").arm, what="an arm")
    for key in range(keys):
        client.predict(name, ROW, id=f"p{key}", key=f"k{key}", durable=True)
        client.feedback(name, key % 2 == 0, id=f"p{key}")

    def judged() -> dict[str, Any] | None:
        found: dict[str, Any] = cli.json("experiment", "status", name)
        results = found["results"]
        return found if results and sum(arm["answers"] for arm in results["arms"]) == keys else None

    return eventually(judged, within_s=60, what="all judged")


def test_an_experiment_is_started_looked_at_drawn_and_stopped(
    cli: Cli, client: Client, new_model: Callable[..., str], tmp_path: Path
) -> None:
    name = new_model(spec=JOINING)

    started = cli.json("experiment", "start", name, "pace", *PACES, "--guardrail", "old.loss=0.9")
    status = send(cli, client, name, 20)
    shown = cli("experiment", "status", name).out
    drawn = cli.json("experiment", "report", name, "pace", "--out", str(tmp_path / "pace.png"))
    undone = cli(*started["undo"].split()[1:]).out
    [listed] = cli.json("experiment", "list", name)["experiments"]

    assert started["did"] == f"{name}: experiment pace runs"
    assert [arm["channel"] for arm in started["arms"]] == ["live", "pace-hourly", "pace-old"]
    assert started["guardrails"] == [{"judged": "loss", "above": 0.9, "arm": "old"}]
    assert [arm["arm"] for arm in status["results"]["arms"]] == ["now", "hourly", "old"]
    assert status["results"]["arms"][0]["difference"] is None
    assert (
        status["results"]["arms"][1]["difference_low"] <= 0 <= status["results"]["arms"][1]["difference_high"]
    )
    assert f"pace on {name}: running" in shown
    assert "live, every 1h" in shown
    assert "not decided" in shown
    assert "stops an arm by itself: loss of old surely above 0.9" in shown
    assert drawn["plot"] == str(tmp_path / "pace.png")
    assert (tmp_path / "pace.png").read_bytes().startswith(b"\x89PNG")
    assert undone == f"{name}: experiment pace has ended\n"
    assert listed["state"] == "stopped"


def test_an_arm_that_moves_at_intervals_wins_by_the_sync_policy(
    cli: Cli, client: Client, new_model: Callable[..., str]
) -> None:
    name = new_model(spec=JOINING)
    cli.json("experiment", "start", name, "pace", *PACES)

    promoted = cli.json("experiment", "promote", name, "pace", "hourly", "--reason", "as good, and cheaper")

    assert (promoted["state"], promoted["end_reason"]) == ("won by hourly", "as good, and cheaper")
    assert cli.json("policy", "show", name)["sync"] == "interval 1h"
    assert [channel.name for channel in client.model(name).channels] == ["live"]
    assert answers_with(client, name, 1)


def test_what_cannot_be_drawn_is_one_clear_line(
    cli: Cli, client: Client, new_model: Callable[..., str], tmp_path: Path
) -> None:
    name = new_model(spec=JOINING)

    none = cli("experiment", "report", name)
    cli.json("experiment", "start", name, "pace", *PACES)
    send(cli, client, name, 2)
    strange = cli("experiment", "report", name, "--out", str(tmp_path / "pace.xyz"))

    assert (none.status, none.err) == (1, f"riverrun: no experiment of model '{name}'\n")
    assert strange.status == 1
    assert strange.err.startswith("riverrun: out: expected a file such as report.png or report.svg")
