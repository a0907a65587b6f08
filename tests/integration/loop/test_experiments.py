"""An experiment through the whole loop: assigned by key, served by arm, judged when labels come, ended.

How often an interval is wrong while people look is in benchmarks/experiments.py; what a plan may be, and
which channels it makes, in tests/unit/param_server and tests/integration/param_server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import httpx2
import pytest

from riverrun.client import Client
from riverrun.core.experiment_results import Compared, ExperimentResults
from riverrun.core.experiments import Arm, Guardrail, Judged, Pace
from tests.stacks import PATIENCE_S, Stack, eventually

SPEC = """\
name: clicks
task: binary
model:
  - preprocessing.OneHotEncoder
  - linear_model.LogisticRegression: {optimizer: {optim.SGD: {lr: 1.0}}}
features: {who: category}
label: {window: 1h}
metrics: [LogLoss]
publish: {every_events: 5, every: 50ms}
"""

NOW, OLD = Arm("now", 0.5, "live"), Arm("old", 0.5, "", Pace.FROZEN)
SAME = (Arm("a", 0.5, "live"), Arm("b", 0.5, "live"))

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def clicks(start_stack: Callable[..., Stack], tmp_path: Path) -> Stack:
    spec = tmp_path / "clicks.yaml"
    spec.write_text(SPEC)
    return start_stack(spec)


def open_client(stack: Stack) -> Client:
    return stack.client()


def send(client: Client, keys: Iterable[int], prefix: str) -> dict[str, str | None]:
    """Predict for each key and tell its label, which `who` gives away; the arm of each."""
    arms = {}
    for key in keys:
        features = {"who": "ab"[key % 2]}
        answer = client.predict("clicks", features, id=f"{prefix}{key}", key=f"user-{key}", durable=True)
        arms[f"user-{key}"] = answer.arm
        client.feedback("clicks", key % 2 == 1, id=f"{prefix}{key}")
    return arms


def results(client: Client, answers: int) -> ExperimentResults:
    """The newest experiment's, once so many of its answers were judged."""

    def judged() -> ExperimentResults | None:
        found = client.experiment("clicks").results
        return found if found and sum(arm.answers for arm in found.arms) >= answers else None

    return eventually(judged, within_s=60, what=f"{answers} answers judged")


def surely_worse(client: Client, arm: str, by: float) -> Compared | None:
    """How `arm` compares with the control, once it is surely worse by more than `by`.

    Results are reported now and then: the newest may be of before what an arm was stopped for.
    """
    found = client.experiment("clicks").results
    result = None if found is None else found.arm(arm)
    compared = None if result is None else result.against_control
    return compared if compared is not None and compared.low > by else None


def served_by_arms(client: Client, arms: set[str | None]) -> None:
    """Wait until serving knows which arms there are."""

    def asked() -> set[str | None]:
        found = [client.predict("clicks", {"who": "a"}, key=f"probe-{key}") for key in range(20)]
        return {one.arm for one in found}

    eventually(lambda: asked() == arms, what=f"answers of {arms}")


def test_a_guardrail_stops_the_arm_that_does_harm(clicks: Stack) -> None:
    with open_client(clicks) as client:
        client.start_experiment("clicks", "pace", [NOW, OLD], guardrails=[Guardrail(Judged.HARM, 0.02)])
        served_by_arms(client, {"now", "old"})
        # The record of a stop has what was reported last: let that be of this experiment.
        sent = 10
        send(client, range(sent), "p")
        results(client, sent)
        while client.experiment("clicks").experiment.is_running:
            assert sent < 5_000
            send(client, range(sent, sent + 100), "p")
            sent += 100

        status = client.experiment("clicks")
        served_by_arms(client, {None})
        found = eventually(lambda: surely_worse(client, "old", by=0.02), what="results of the harm")
        record = next(one for one in client.history("clicks") if one.kind == "experiment.arm-stopped")

    old = status.experiment.arm("old")
    assert old is not None
    assert old.stop_reason.startswith("harm is surely above 0.02")
    assert status.experiment.end_reason == f"arm old was stopped: {old.stop_reason}"
    assert found.difference > found.low
    assert (record.actor, record.reason) == ("trainer", old.stop_reason)
    assert {arm["arm"] for arm in record.facts["results"]} == {"now", "old"}


def test_an_arm_is_sticky_and_each_key_counts_once_across_kills(clicks: Stack) -> None:
    with open_client(clicks) as client:
        client.start_experiment("clicks", "same", SAME)
        served_by_arms(client, {"a", "b"})
        before = send(client, range(60), "p")
        results(client, 60)

    clicks.kill("param-server")
    clicks.kill("trainer")
    clicks.kill("serving-0")

    with open_client(clicks) as client:
        served_by_arms(client, {"a", "b"})
        after = send(client, range(60), "q")
        found = results(client, 120)
        client.stop_experiment("clicks", "same", reason="enough")
        served_by_arms(client, {None})
        late = send(client, range(60, 70), "r")

    assert after == before
    assert set(before.values()) == {"a", "b"}
    assert [(arm.keys, arm.answers) for arm in found.arms] == [
        (list(before.values()).count(name), 2 * list(before.values()).count(name)) for name in ("a", "b")
    ]
    assert not found.mismatch
    compared = found.arms[1].against_control
    assert compared is not None
    assert not compared.is_decided
    assert set(late.values()) == {None}


def test_the_arm_that_wins_is_what_live_answers_with(clicks: Stack) -> None:
    with open_client(clicks) as client:
        frozen_at = client.model("clicks").channel("live")
        assert frozen_at is not None
        client.start_experiment("clicks", "pace", [NOW, OLD])
        served_by_arms(client, {"now", "old"})
        send(client, range(40), "p")
        results(client, 40)
        clicks.kill("param-server")

    with open_client(clicks) as client:
        client.promote_arm("clicks", "pace", "old", reason="as an example")
        served_by_arms(client, {None})
        answer = eventually(
            lambda: (
                one
                if (one := client.predict("clicks", {"who": "a"})).model_version == frozen_at.version
                else None
            ),
            what="the version of the arm",
        )
        live = client.model("clicks").channel("live")

    assert live is not None
    assert (live.version, live.held) == (frozen_at.version, True)
    assert answer.channel == "live"


def test_whoever_has_no_key_or_names_a_channel_takes_no_part_over_either_protocol(clicks: Stack) -> None:
    url = clicks.servings[0]
    tensor = {"name": "who", "shape": [2], "datatype": "BYTES", "data": ["a", "b"]}

    def infer(**given: object) -> httpx2.Response:
        content = json.dumps({"inputs": [tensor]} | given)
        return httpx2.post(f"{url}/v2/models/clicks/infer", content=content, timeout=PATIENCE_S)

    with open_client(clicks) as client:
        client.start_experiment("clicks", "same", SAME)
        served_by_arms(client, {"a", "b"})
        asked = {"features": {"who": "a"}, "key": "user-1"}
        on_live = f"{url}/v1/models/clicks/versions/live:predict"
        named = httpx2.post(on_live, content=json.dumps(asked), timeout=PATIENCE_S)
        arms = {key: infer(parameters={"key": key}).json()["parameters"]["arm"] for key in ("k1", "k2", "k3")}
        native = {key: client.predict("clicks", {"who": "a"}, key=key).arm for key in arms}
        without = [client.predict("clicks", {"who": "a"}).arm, infer().json()["parameters"].get("arm")]
        wrong = infer(parameters={"key": 7})
        client.feedback_many("clicks", [{"id": f"pair.{row}", "label": True} for row in range(2)])
        infer(id="pair", parameters={"key": "k1"})
        found = results(client, 2)

    assert arms == native
    assert without == [None, None]
    assert "arm" not in named.json()
    assert (wrong.status_code, wrong.json()["error"]) == (400, "parameters.key: expected a string, got 7")
    assert sum(arm.keys for arm in found.arms) == 1
