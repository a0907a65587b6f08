"""A label that names its prediction by id: logged when served, joined, learned, across kills of every part.

The join's own rules are shown in tests/unit/trainer/joining, kills by the hundred in tests/fault.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from riverrun.client import Client
from riverrun.core.errors import InvalidInput
from tests.stacks import PATIENCE_S, Stack, eventually

SPEC = """\
name: counting
task: regression
model:
  - preprocessing.OneHotEncoder: {drop_zeros: true}
  - linear_model.LinearRegression:
      {optimizer: {optim.SGD: {lr: 1.0}}, loss: {optim.losses.Absolute: {}}, intercept_lr: 0.0}
features: {id: category}
label: {window: 1h}
publish: {every_events: 5, every: 50ms}
"""
"""Each id's weight counts how often its example was learned."""

LABEL = 1e9

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def counting(start_stack: Callable[..., Stack], tmp_path: Path) -> Stack:
    spec = tmp_path / "counting.yaml"
    spec.write_text(SPEC)
    return start_stack(spec)


def counts(client: Client) -> dict[str, float]:
    """How often each id was learned by the newest version."""
    weights = client.load("counting", version=client.versions("counting", limit=1)[0].version)[
        "LinearRegression"
    ].weights
    return {name.removeprefix("id_"): float(weight) for name, weight in weights.items()}


def learned(client: Client, count: int) -> None:
    eventually(
        lambda: client.versions("counting", limit=1)[0].examples >= count,
        within_s=60,
        what=f"{count} examples",
    )


def test_a_label_by_id_teaches_the_features_that_were_served(counting: Stack) -> None:
    with counting.client() as client:
        first = client.predict("counting", {"id": "p0"}, id="p0", durable=True)
        batch = client.predict_many("counting", [{"id": "b0"}, {"id": "b1"}], id="b")
        early = client.feedback("counting", LABEL, id="late")
        client.feedback("counting", LABEL, id="p0")
        client.feedback_many("counting", [{"id": one, "label": LABEL} for one in batch.ids])
        again = client.feedback("counting", LABEL, id="p0")
        with pytest.raises(InvalidInput, match="id: was given before with another label"):
            client.feedback("counting", 5.0, id="p0")
        client.predict("counting", {"id": "p7"}, id="p7")
        client.predict("counting", {"id": "late"}, id="late")
        learned(client, 4)

        assert first.id == "p0"
        assert batch.ids == ["b.0", "b.1"]
        assert (early.accepted, again.duplicates) == (1, 1)
        assert counts(client) == {"p0": 1.0, "b0": 1.0, "b1": 1.0, "late": 1.0}
        assert client.dead_letters("counting") == []


def test_the_open_inference_protocol_logs_under_the_id_that_it_answers(counting: Stack) -> None:
    def infer(names: list[str], **given: Any) -> str:
        tensor = {"name": "id", "shape": [len(names)], "datatype": "BYTES", "data": names}
        answer = httpx2.post(
            f"{counting.servings[0]}/v2/models/counting/infer",
            content=json.dumps({"inputs": [tensor]} | given),
            timeout=PATIENCE_S,
        )
        return str(answer.raise_for_status().json()["id"])

    with counting.client() as client:
        ids = [
            infer(["x"], id="mine"),
            infer(["y"]),
            *(f"{infer(['z0', 'z1'], id='two')}.{n}" for n in range(2)),
        ]
        client.feedback_many("counting", [{"id": one, "label": LABEL} for one in ids])
        learned(client, 4)

        assert ids[0] == "mine"
        assert counts(client) == {"x": 1.0, "y": 1.0, "z0": 1.0, "z1": 1.0}


@pytest.mark.parametrize("victim", ["trainer", "param-server", "serving-0"])
def test_what_waits_for_its_other_half_survives_a_kill(counting: Stack, victim: str) -> None:
    with counting.client() as client:
        for number in range(10):
            client.predict("counting", {"id": f"p{number}"}, id=f"p{number}", durable=True)
        client.feedback_many("counting", [{"id": f"p{n}", "label": LABEL} for n in (0, 1, 20)])
        learned(client, 2)

    counting.kill(victim)

    with counting.client() as client:
        client.feedback_many("counting", [{"id": f"p{n}", "label": LABEL} for n in range(10)])
        client.predict("counting", {"id": "p20"}, id="p20", durable=True)
        learned(client, 11)

        assert counts(client) == {f"p{n}": 1.0 for n in (*range(10), 20)}
