"""What holds of every object of every profile. Whether an API server takes them is shown in tests/e2e."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.chart.rendering import (
    CHART,
    NAMESPACE,
    PROFILES,
    Object,
    helm,
    pod_of,
    render,
)

EVERYTHING = {
    "insecure": True,
    "models": {"one": "name: one\n"},
    "backup": {"enabled": True},
    "follower": {"replicas": 2},
    "retraining": {"enabled": True},
    "serving": {
        "autoscaling": {"enabled": True},
        "ingress": {"enabled": True, "hosts": [{"host": "a.example"}]},
        "httpRoute": {"enabled": True, "parentRefs": [{"name": "gateway"}]},
        "grpcRoute": {"enabled": True, "parentRefs": [{"name": "gateway"}]},
    },
    "monitoring": {
        "podMonitor": {"enabled": True},
        "prometheusRule": {"enabled": True},
        "dashboard": {"enabled": True},
    },
    "extraObjects": [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "{{ .Release.Name }}-own"}}],
}


SECURED = EVERYTHING | {"insecure": False, "auth": {"mode": "tokenReview"}}


def everything() -> list[Object]:
    """All objects but those of the cluster, and of nobody."""
    found = [*render(EVERYTHING), *render(SECURED)]
    return [
        o for o in found if o["kind"] != "ClusterRoleBinding" and not o["metadata"]["name"].endswith("-own")
    ]


def pods() -> list[Object]:
    return [pod for pod in map(pod_of, everything()) if pod is not None]


def test_there_are_profiles() -> None:
    assert {"minimal", "ha", "secure", "monitoring"} <= {profile.name.split("-")[0] for profile in PROFILES}


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.stem)
def test_profiles_pass_the_linter_and_render(profile: Path) -> None:
    linted = helm("lint", "--strict", str(CHART), "--values", str(profile))

    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert len(render({}, profile)) > 5


def test_objects_are_in_the_namespace_of_the_release_and_say_whose_they_are() -> None:
    for one in everything():
        metadata = one["metadata"]
        assert metadata["namespace"] == NAMESPACE, one["kind"]
        assert {f"app.kubernetes.io/{key}" for key in ("name", "instance", "part-of", "managed-by")} <= set(
            metadata["labels"]
        ), one["kind"]
        assert len(metadata["name"]) <= 63


def test_long_names_are_cut_to_what_the_api_takes() -> None:
    objects = render(EVERYTHING | {"fullnameOverride": "x" * 60})

    for one in objects:
        # The pods of a workload are named after it, with a hash; labels of theirs hold that name.
        most = 52 if pod_of(one) is not None else 63
        assert len(one["metadata"]["name"]) <= most, one["kind"]


def test_selectors_name_neither_chart_nor_version() -> None:
    for one in everything():
        selector = one["spec"].get("selector", {}) if "spec" in one else {}
        labels = selector.get("matchLabels", selector if one["kind"] == "Service" else {})
        assert not {"helm.sh/chart", "app.kubernetes.io/version"} & set(labels), one["kind"]


def test_pods_ask_for_no_right_that_restricted_forbids() -> None:
    assert len(pods()) == 7 + 9
    for pod in pods():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context["readOnlyRootFilesystem"] is True


def test_every_pod_iterates_over_sets_alike() -> None:
    for pod in pods():
        environment = {one["name"]: one.get("value") for one in pod["spec"]["containers"][0]["env"]}
        assert environment["PYTHONHASHSEED"] == "1"


def test_every_component_has_an_account_of_its_own() -> None:
    accounts = {o["metadata"]["name"]: o for o in everything() if o["kind"] == "ServiceAccount"}

    used = {pod["spec"]["serviceAccountName"] for pod in pods()}

    # As the operator nobody runs: it is there for its tokens.
    assert used == accounts.keys() - {"rr-riverrun-operator"}
    assert all(account["automountServiceAccountToken"] is False for account in accounts.values())


def test_nothing_is_left_untemplated() -> None:
    for one in everything():
        if one["kind"] not in ("PrometheusRule", "ConfigMap"):
            assert not re.search(r"\{\{|<no value>|<nil>", str(one)), one["kind"]


def test_extra_objects_are_templates() -> None:
    assert any(one["metadata"]["name"] == "rr-own" for one in render(EVERYTHING))
