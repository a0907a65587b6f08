"""Every object of every profile, as the API server itself takes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness.kube import Namespace, eventually, knows
from tests.unit.chart.rendering import PROFILES, render
from tests.unit.chart.test_every_profile import EVERYTHING, SECURED

OPTIONAL = {
    "monitoring.coreos.com/v1": ("PodMonitor", "PrometheusRule"),
    "gateway.networking.k8s.io/v1": ("HTTPRoute", "GRPCRoute"),
    "cert-manager.io/v1": ("Certificate",),
    "keda.sh/v1alpha1": ("ScaledObject",),
}


@pytest.fixture(scope="module")
def namespace() -> Iterator[Namespace]:
    # The chart is rendered for this namespace, by which objects are named.
    made = Namespace("apart")
    yield made
    made.delete()


def listed(objects: list[dict[str, object]]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


def dry_run(namespace: Namespace, objects: list[dict[str, object]]) -> tuple[int, list[str]]:
    unknown = [kind for api, kinds in OPTIONAL.items() if not knows(api) for kind in kinds]
    taken = [one for one in objects if one["kind"] not in unknown]
    # A pod is not taken before its account is there.
    accounts = [one for one in taken if one["kind"] == "ServiceAccount"]
    namespace.kubectl("apply", "--filename", "-", given=listed(accounts))
    given = listed(taken)
    # Asked again where the server is too busy to describe itself in time.
    said = eventually(
        "the API server takes them",
        lambda: namespace.kubectl("apply", "--dry-run=server", "--filename", "-", given=given),
    )
    assert said.count("(server dry run)") == len(taken)
    return len(taken), unknown


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.stem)
def test_the_api_server_takes_every_object_of_a_profile(profile: Path, namespace: Namespace) -> None:
    taken, _ = dry_run(namespace, render({}, profile))

    assert taken > 5


def test_the_api_server_takes_every_object_there_is(namespace: Namespace) -> None:
    keda = {"keda": {"enabled": True, "triggers": [{"type": "cpu", "metadata": {"value": "70"}}]}}
    objects = render(EVERYTHING)
    objects += render(SECURED | {"tls": {"mode": "certManager", "issuerRef": {"name": "ca"}}})
    objects += render(SECURED)
    objects += [one for one in render({"insecure": True, "serving": keda}) if one["kind"] == "ScaledObject"]

    taken, unknown = dry_run(namespace, objects)

    assert taken > 25
    print(f"{taken} objects taken; unknown to this cluster: {unknown or 'none'}")
