"""A release from nothing: it installs, it learns, and what its notes say works when it is pasted."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.e2e.harness.kube import Namespace, eventually, knows, kubectl
from tests.e2e.harness.load import BESIDE_PARAM_SERVER
from tests.e2e.harness.release import FULL, ROOT, Release, installed
from tests.unit.chart.rendering import PROFILES, SPEC

MODELS = {"models": {"late-flights": SPEC}}
IN_CI = ("secure",)
OTHERS = [
    pytest.param(name, marks=() if name in IN_CI else pytest.mark.full)
    for name in (path.name.removesuffix("-values.yaml") for path in PROFILES)
    if name != "minimal"
]

PAGES = ROOT / "docs/operations"


def shown(page: str, kind: str) -> dict[str, Any]:
    """The object of that kind that a page shows."""
    for text in re.findall(r"^```yaml\n(.*?)^```", (PAGES / page).read_text(), re.MULTILINE | re.DOTALL):
        found = YAML(typ="safe").load(text)
        if found.get("kind") == kind:
            return dict(found)
    raise AssertionError(f"{page} shows no {kind}")


@pytest.fixture(scope="module")
def minimal() -> Iterator[tuple[Release, str, float]]:
    """A release of the least that learns, what helm said, and when the install began."""
    begun = time.monotonic()
    with installed("minimal", MODELS, "minimal") as release:
        yield release, release.notes, begun


def test_it_installs_and_learns(minimal: tuple[Release, str, float], figures: dict[str, Any]) -> None:
    release, _, begun = minimal
    figures["installed, s"] = round(time.monotonic() - begun, 1)

    said = release.test()

    figures["first learned prediction, s"] = round(time.monotonic() - begun, 1)
    assert "learned in" in said
    assert "Phase:          Succeeded" in said


def test_helm_test_can_be_repeated(minimal: tuple[Release, str, float]) -> None:
    assert "learned in" in minimal[0].test()


def test_what_the_notes_say_works_when_it_is_pasted(minimal: tuple[Release, str, float]) -> None:
    lines = [
        line.strip() for line in minimal[1].splitlines() if line.startswith("  kubectl") and "exec" in line
    ]

    said = [
        subprocess.run(line, shell=True, check=True, capture_output=True, text=True).stdout for line in lines
    ]

    assert len(said) == 3
    assert "by version" in said[0]
    assert "1 of 1 are durable" in said[1]
    assert "late-flights" in said[2]


def test_pods_are_hardened_and_say_who_they_are(minimal: tuple[Release, str, float]) -> None:
    namespace = minimal[0].namespace

    for component in ("param-server", "trainer", "serving"):
        (pod,) = namespace.pods(component)
        name = pod["metadata"]["name"]
        script = "import os; print(os.getuid()); open('/opt/x', 'w')"
        done = subprocess.run(
            ["kubectl", "-n", namespace.name, "exec", name, "--", "python", "-c", script],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stdout.strip() == "65532"
        assert "Read-only file system" in done.stderr
        first = namespace.kubectl("logs", name).splitlines()[0]
        assert json.loads(first)["service"] == component


def operator_kubeconfig(namespace: Namespace, folder: Path) -> Path:
    """A kubeconfig of someone who has no right but those that the plugin asks for."""
    who = [{"kind": "ServiceAccount", "name": "operator", "namespace": namespace.name}]
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "operator"}
    named = {"metadata": {"name": "operator"}}
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    items = [
        {"apiVersion": "v1", "kind": "ServiceAccount"} | named,
        rbac | {"kind": "Role", "rules": shown("kubectl-plugin.md", "Role")["rules"]} | named,
        rbac | {"kind": "RoleBinding", "roleRef": reference, "subjects": who} | named,
    ]
    given = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    namespace.kubectl("apply", "--filename", "-", given=given)
    token = namespace.kubectl("create", "token", "operator").strip()
    config = json.loads(kubectl("config", "view", "--raw", "--minify", "--flatten", "--output", "json"))
    config["users"][0]["user"] = {"token": token}
    path = folder / "kubeconfig"
    path.write_text(json.dumps(config))
    return path


def test_kubectl_riverrun_needs_the_rights_it_names_and_no_others(
    minimal: tuple[Release, str, float], tmp_path: Path
) -> None:
    namespace = minimal[0].namespace
    kubeconfig = operator_kubeconfig(namespace, tmp_path)

    def riverrun(*arguments: str) -> Any:
        return minimal[0].riverrun(*arguments, kubeconfig=kubeconfig)

    status = riverrun("status")
    held = riverrun("pause", "late-flights")
    followed = riverrun("resume", "late-flights")
    answer = riverrun("predict", "late-flights", "--features", json.dumps(EXAMPLE))

    assert [model["name"] for model in status["models"]] == ["late-flights"]
    assert status["services"] == []
    assert held["channel"]["held"] is True
    assert followed["channel"]["held"] is False
    assert answer["model_version"] >= 1
    assert riverrun("versions", "late-flights")
    assert riverrun("readers", "late-flights")
    eventually(
        "the reader has what was resumed",
        lambda: [reader["lag"] for reader in riverrun("freshness", "late-flights")] == [0],
    )


EXAMPLE = {"distance": 733, "carrier": "UA", "origin": "EWR", "dest": "ORD", "hour": "17", "weekday": "fri"}


@pytest.mark.parametrize("profile", OTHERS)
def test_every_profile_installs_and_learns(profile: str, figures: dict[str, Any]) -> None:
    if profile == "monitoring" and not knows("monitoring.coreos.com/v1"):
        pytest.skip("this cluster has no Prometheus Operator (monitoring.coreos.com/v1)")
    begun = time.monotonic()
    # Volumes of this cluster may lie on nodes' own disks: the copies are made beside the store.
    beside = {"backup": {"affinity": BESIDE_PARAM_SERVER}}
    with installed(profile, MODELS | beside, profile) as release:
        figures["installed, s"] = round(time.monotonic() - begun, 1)
        assert "learned in" in release.test()
        release.check_nothing_restarted()
        if profile == "monitoring":
            assert release.namespace.get("prometheusrule", FULL)["spec"]["groups"]
        if profile == "ha":
            back_up_and_restore(release)


def back_up_and_restore(release: Release) -> None:
    """As docs/operations/backup.md says it: what was learned before the copy is there again."""
    namespace = release.namespace
    serving = f"deploy/{FULL}-serving"

    def examples() -> int:
        said = namespace.kubectl("exec", serving, "--", "riverrun", "versions", "late-flights", "-o", "json")
        return int(json.loads(said)[0]["examples"])

    def label() -> None:
        command = (
            "riverrun",
            "feedback",
            "late-flights",
            "--label",
            "true",
            "--features",
            json.dumps(EXAMPLE),
        )
        namespace.kubectl("exec", serving, "--", *command)

    label()
    eventually("the label is learned", lambda: examples() == 1)
    namespace.kubectl("create", "job", "now", f"--from=cronjob/{FULL}-backup")
    namespace.kubectl("wait", "--for=condition=Complete", "job/now", "--timeout=120s")
    copy = namespace.kubectl("logs", "job/now").split()[-1]
    label()
    eventually("what came after the copy is learned", lambda: examples() == 2)

    job = json.dumps(shown("backup.md", "Job"))
    image = release.values["image"]
    mine = f"{image['registry']}/{image['repository']}:{image['tag']}"
    job = job.replace("registry.example/riverrun:0.1.0", mine).replace("20261128T031700Z", copy)
    scale = ("scale", "statefulset", f"{FULL}-param-server")
    namespace.kubectl(*scale, "--replicas=0")
    namespace.kubectl("wait", "--for=delete", f"pod/{FULL}-param-server-0", "--timeout=120s")
    namespace.kubectl("apply", "--filename", "-", given=job)
    namespace.kubectl("wait", "--for=condition=Complete", "job/restore", "--timeout=120s")
    namespace.kubectl(*scale, "--replicas=1")
    release.settle("param-server")

    eventually("the copy is served", lambda: examples() == 1)
    assert "learned in" in release.test()
