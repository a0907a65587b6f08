"""Workloads: what restarts, what goes first, and for how long a pod may take its leave."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.chart.rendering import SPEC, Object, kinds, named, render, workload

COMPONENTS = ("param-server", "trainer", "serving")
INSECURE = {"insecure": True}


def pod_template(component: str, values: dict[str, Any]) -> Object:
    return dict(workload(render(INSECURE | values), component)["spec"]["template"])


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_changed_spec_restarts_nothing(component: str) -> None:
    before = pod_template(component, {"models": {"late-flights": SPEC}})
    after = pod_template(component, {"models": {"late-flights": SPEC + "# changed\n", "more": SPEC}})

    assert before == after


@pytest.mark.parametrize("component", COMPONENTS)
def test_settings_of_one_component_restart_that_one(component: str) -> None:
    group = component.replace("param-server", "paramServer")
    others = [other for other in COMPONENTS if other != component]
    changed = {group: {"settings": {"logLevel": "debug"}}}

    assert pod_template(component, {}) != pod_template(component, changed)
    for other in others:
        assert pod_template(other, {}) == pod_template(other, changed)


def test_serving_rolls_without_a_pod_less() -> None:
    rolling = workload(render(), "serving")["spec"]["strategy"]["rollingUpdate"]

    assert rolling == {"maxUnavailable": 0, "maxSurge": 1}


def test_the_trainer_is_one_and_goes_before_its_successor_comes() -> None:
    spec = workload(render(), "trainer")["spec"]

    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert all("persistentVolumeClaim" not in volume for volume in spec["template"]["spec"]["volumes"])


@pytest.mark.parametrize("scaler", ["autoscaling", "keda"])
def test_an_autoscaler_alone_says_how_many(scaler: str) -> None:
    values = {"serving": {scaler: {"enabled": True}}}
    if scaler == "keda":
        values["serving"]["keda"]["triggers"] = [{"type": "cpu", "metadata": {"value": "70"}}]

    objects = render(INSECURE | values)

    assert "replicas" not in workload(objects, "serving")["spec"]
    kind = "HorizontalPodAutoscaler" if scaler == "autoscaling" else "ScaledObject"
    target = named(objects, kind, "riverrun-serving")["spec"]["scaleTargetRef"]
    assert target["name"] == workload(objects, "serving")["metadata"]["name"]


def test_evictions_are_bounded_where_there_are_pods_to_spare_and_only_there() -> None:
    two, one = render(), render(INSECURE | {"serving": {"replicas": 1}})

    budget = named(two, "PodDisruptionBudget", "riverrun-serving")["spec"]
    assert (budget["maxUnavailable"], budget["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")
    assert [o["metadata"]["name"] for o in two if o["kind"] == "PodDisruptionBudget"] == [
        "rr-riverrun-serving"
    ]
    assert "PodDisruptionBudget" not in kinds(one)


def test_a_pod_has_longer_to_go_than_its_process_takes() -> None:
    linger = {"serving": {"settings": {"lingerS": 31.5, "drainS": 7}}}

    spec = pod_template("serving", linger)["spec"]

    assert spec["terminationGracePeriodSeconds"] == 32 + 7 + 10
    for component in COMPONENTS:
        group = component.replace("param-server", "paramServer")
        patient = pod_template(component, {group: {"settings": {"drainS": 100}}})["spec"]
        assert patient["terminationGracePeriodSeconds"] >= 110


def test_what_was_learned_outlives_the_release() -> None:
    spec = workload(render(), "param-server")["spec"]
    backup = named(
        render(INSECURE | {"backup": {"enabled": True}}), "PersistentVolumeClaim", "riverrun-backup"
    )

    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    # A hook's claim goes neither with the release nor with the next hook, and no install waits for it.
    assert backup["metadata"]["annotations"] == {
        "helm.sh/hook": "post-install,post-upgrade",
        "helm.sh/hook-delete-policy": "hook-failed",
    }


@pytest.mark.parametrize(
    ("persistence", "volume"),
    [
        ({"enabled": False}, {"name": "data", "emptyDir": {}}),
        ({"existingClaim": "mine"}, {"name": "data", "persistentVolumeClaim": {"claimName": "mine"}}),
    ],
)
def test_the_store_may_lie_elsewhere(persistence: dict[str, Any], volume: Object) -> None:
    spec = workload(render(INSECURE | {"paramServer": {"persistence": persistence}}), "param-server")["spec"]

    assert volume in spec["template"]["spec"]["volumes"]
    assert "volumeClaimTemplates" not in spec


@pytest.mark.parametrize("component", COMPONENTS)
def test_probes_are_three_and_liveness_asks_the_process_alone(component: str) -> None:
    container = pod_template(component, {})["spec"]["containers"][0]

    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert container["readinessProbe"].get("httpGet", {}).get("path", "grpc") in ("/readyz", "grpc")
    start = container["startupProbe"]
    assert start["periodSeconds"] * start["failureThreshold"] >= 120
