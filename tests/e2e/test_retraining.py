"""A retrain on a cluster: the controller makes its Job, whose pod is killed on the way, and live is repaired.

With certificates and tokens, as by default. How a retrain learns and is compared is shown elsewhere.
"""

from __future__ import annotations

import datetime
import itertools
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness.kube import eventually
from tests.e2e.harness.release import FULL, Release, installed

pytestmark = pytest.mark.full

MODEL = "toy"
SPEC = f"""\
name: {MODEL}
task: binary
model: [naive_bayes.GaussianNB]
features: {{a: float, b: float}}
publish: {{every: 250ms}}
retrain: {{take_over: {{examples: 200}}}}
"""
BEGAN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
WRONG, RIGHT, LOT = 2000, 400, 100
JOB = f"{FULL}-retrain-{MODEL}-2"


@pytest.fixture(scope="module")
def release() -> Iterator[Release]:
    with installed("retrained", {"models": {MODEL: SPEC}, "retraining": {"enabled": True}}) as release:
        yield release


def at(number: int) -> str:
    """When the example of that number was."""
    return (BEGAN + datetime.timedelta(seconds=number)).isoformat()


def examples() -> Iterator[dict[str, Any]]:
    """One a second; the labels of the first `WRONG` are swapped."""
    rng = random.Random(5)
    for number in itertools.count():
        label = rng.random() < 0.5
        features = {"a": rng.gauss(2.0 if label else -2.0, 1.0), "b": rng.gauss(0.0, 1.0)}
        yield {"features": features, "label": label ^ (number < WRONG), "time": at(number)}


def learned(versions: list[dict[str, Any]]) -> int:
    """Examples in the newest version of the retrain's line."""
    return max(one["examples"] for one in versions if one["line"] == 2)


def test_a_job_learns_live_anew_and_takes_over(
    release: Release, figures: dict[str, Any], tmp_path: Path
) -> None:
    namespace, stream = release.namespace, examples()
    right = 0

    def send(count: int) -> None:
        path = tmp_path / "entries"
        path.write_text("\n".join(json.dumps(one) for one in itertools.islice(stream, count)))
        assert release.riverrun("feedback", MODEL, "--entries", f"@{path}")["accepted"] == count

    def answer() -> Any:
        return release.riverrun("predict", MODEL, "--features", '{"a": 2.0, "b": 0.0}')["prediction"]

    def newest() -> dict[str, Any]:
        found: dict[str, Any] = release.riverrun("retrain", "list", MODEL)[0]
        return found

    send(WRONG)
    eventually("live has learned what is wrong", lambda: answer() is False)
    send(right := RIGHT)

    begun = time.monotonic()
    release.riverrun("retrain", "start", MODEL, "--since", at(WRONG))
    pod = eventually("the controller made a Job", lambda: namespace.pods("retrain"))[0]["metadata"]["name"]
    figures["a pod after, s"] = round(time.monotonic() - begun, 1)
    eventually("it is under way", lambda: newest()["progress"])
    deleted = time.monotonic()
    namespace.kubectl("delete", "pod", pod, "--grace-period=0", "--force")
    eventually(
        "the Job started another pod",
        lambda: [one for one in namespace.pods("retrain") if one["metadata"]["name"] != pod],
    )
    figures["another pod after, s"] = round(time.monotonic() - deleted, 1)
    while (retrain := newest())["state"] == "running":
        if (retrain["progress"] or {}).get("behind", LOT) < LOT:
            send(LOT)
            right += LOT
        assert time.monotonic() - begun < 300, retrain
        time.sleep(1)
    figures["took over after, s"] = round(time.monotonic() - begun, 1)

    assert retrain["state"] == "took over", retrain
    assert answer() is True
    namespace.kubectl("wait", "--for=condition=Complete", f"job/{JOB}", "--timeout=120s")
    # The trainer goes on where the retrain stood: each right example counts once, and no wrong one.
    send(LOT)
    eventually("all are learned", lambda: learned(release.riverrun("versions", MODEL)) == right + LOT)
    eventually(
        "the Job is removed",
        lambda: not namespace.get("jobs", "-l", "app.kubernetes.io/component=retrain")["items"],
    )
