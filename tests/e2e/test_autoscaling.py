"""The autoscaler: serving grows under load and shrinks after it, and how soon new pods answer."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.harness.kube import eventually, knows
from tests.e2e.harness.load import MODELS, SETTINGS, Load
from tests.e2e.harness.release import Release, installed, is_ready

pytestmark = pytest.mark.full

MOST = 4
RATE = 1500.0
READY_S = 5.0
VALUES: dict[str, Any] = {
    "insecure": True,
    "models": MODELS,
    "serving": {
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}},
        "settings": SETTINGS,
        "autoscaling": {
            "enabled": True,
            "minReplicas": 1,
            "maxReplicas": MOST,
            "targetCPUUtilizationPercentage": 50,
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 15}},
        },
    },
}

# When the container's first process began, and when its log says that it listens.
PROCESS_BEGAN = """
import os, time
fields = open("/proc/1/stat").read().rpartition(")")[2].split()
up = float(open("/proc/uptime").read().split()[0])
print(time.time() - up + int(fields[19]) / os.sysconf("SC_CLK_TCK"))
"""


@pytest.fixture(scope="module")
def release() -> Iterator[Release]:
    if not knows("metrics.k8s.io/v1beta1"):
        pytest.skip("this cluster has no metrics server (metrics.k8s.io/v1beta1)")
    with installed("scaled", VALUES) as release:
        yield release


def count(release: Release) -> int:
    return len([pod for pod in release.namespace.pods("serving") if is_ready(pod)])


def test_load_scales_serving_from_one_to_four_and_back(release: Release, figures: dict[str, Any]) -> None:
    load = Load(release)
    # The autoscaler leaves what it cannot measure alone.
    eventually("the pod is measured", lambda: release.namespace.kubectl("top", "pods"))
    assert count(release) == 1
    first = release.namespace.pods("serving")[0]["metadata"]["name"]

    load.start(rate=RATE)
    eventually("there are four", lambda: count(release) == MOST, within_s=240)
    lags = {reader["reader"]: reader["lag"] for reader in release.riverrun("readers", "counting")}
    figures["lag of each"] = sorted(lags.values())
    new = [pod for pod in release.namespace.pods("serving") if pod["metadata"]["name"] != first]
    starts = figures["starts"] = [start_parts(release, pod) for pod in new]
    state = load.state()
    figures["predictions"], figures["failed"] = state["asked"], state["failed"]
    load.stop()
    eventually("there is one again", lambda: count(release) == 1, within_s=300)

    assert state["failed"] == 0, state["failures"]
    assert len(lags) == MOST
    assert all(parts["ready at most, s after its start"] <= READY_S for parts in starts)


def seconds(time: str) -> float:
    return datetime.datetime.fromisoformat(time).timestamp()


def start_parts(release: Release, pod: dict[str, Any]) -> dict[str, Any]:
    """Where the time went until a pod was ready; what Kubernetes says of it is by whole seconds."""
    name = pod["metadata"]["name"]
    (status,) = pod["status"]["containerStatuses"]
    began = float(release.namespace.kubectl("exec", name, "--", "python", "-c", PROCESS_BEGAN))
    lines = [
        line.split(" ", 1) for line in release.namespace.kubectl("logs", name, "--timestamps").splitlines()
    ]
    listening = next(at for at, said in lines if '"event": "serving"' in said or '"event":"serving"' in said)
    ready = next(c for c in pod["status"]["conditions"] if c["type"] == "Ready")["lastTransitionTime"]
    events = release.namespace.get("events", "--field-selector", f"involvedObject.name={name}")["items"]
    pulled = [one["message"] for one in events if one["reason"] == "Pulled"]
    return {
        "made to container, s": seconds(status["state"]["running"]["startedAt"])
        - seconds(pod["metadata"]["creationTimestamp"]),
        "pull": pulled[0] if pulled else "no event",
        "imports until it listens, s": round(seconds(listening[:26] + "Z") - began, 2),
        # A second more than it says: it leaves fractions out.
        "ready at most, s after its start": round(seconds(ready) + 1 - began, 2),
    }
