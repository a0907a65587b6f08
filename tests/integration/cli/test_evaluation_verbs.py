"""`riverrun evaluation` and `history` against a running stack."""

from __future__ import annotations

from collections.abc import Callable

from riverrun.client import Client
from riverrun.core.errors import NotReady
from tests.integration.cli.conftest import Cli
from tests.stacks import eventually

Make = Callable[..., str]


def reported(client: Client, model: str, examples: int) -> bool:
    try:
        return client.evaluation(model).newest.examples == examples
    except NotReady:
        return False


def test_evaluation_says_how_well_the_newest_weights_do(cli: Cli, client: Client, new_model: Make) -> None:
    name = new_model(examples=2)
    eventually(lambda: reported(client, name, 2), what="a report")

    found = cli.json("evaluation", name)
    said = cli("evaluation", name).out

    assert (found["model"], found["line"], found["time"][-1]) == (name, 1, "Z")
    assert found["newest"]["examples"] == 2
    assert set(found["newest"]["metrics"]) == {"ROCAUC"}
    assert "served" not in found
    assert said.startswith(f"{name}, line 1, as of 20")
    assert "newest" in said


def test_history_says_what_moved_and_why(cli: Cli, client: Client, new_model: Make) -> None:
    name = new_model(examples=1)
    assert cli("pin", name, "1", "--reason", "too eager").status == 0
    assert cli("resume", name).status == 0

    found = cli.json("history", name)
    said = cli("history", name, "--limit", "2").out

    assert [one["kind"] for one in found] == ["channel.follows", "channel.held", "spec.registered"]
    held = found[1]
    assert (held["reason"], held["actor"], held["channel"], held["version"]) == ("too eager", "", "live", 1)
    assert [one["number"] for one in found] == [3, 2, 1]
    assert "too eager" in said
    assert "spec.registered" not in said
