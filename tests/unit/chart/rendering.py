"""The chart as helm renders it."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[3]
CHART = ROOT / "deploy/helm/riverrun"
PROFILES = sorted((CHART / "ci").glob("*-values.yaml"))
SPEC = (ROOT / "examples/late-flights/model.yaml").read_text()

RELEASE = "rr"
NAMESPACE = "apart"
OPERATOR_APIS = ("monitoring.coreos.com/v1",)

Object = dict[str, Any]


def helm_path() -> str:
    """Where helm is: beside this Python, else on PATH; empty where it is not."""
    beside = Path(sys.prefix) / "bin/helm"
    return str(beside) if beside.exists() else shutil.which("helm") or ""


def helm(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run helm with `given` on its standard input."""
    return subprocess.run([helm_path(), *arguments], input=given, capture_output=True, text=True, timeout=60)


def template(values: Mapping[str, Any], profiles: Sequence[Path] = ()) -> subprocess.CompletedProcess[str]:
    """`helm template` with `values` over `profiles`, as of a cluster that knows Prometheus Operator."""
    return _template(json.dumps(values), tuple(profiles))


@functools.cache
def _template(values: str, profiles: tuple[Path, ...]) -> subprocess.CompletedProcess[str]:
    files = [part for profile in profiles for part in ("--values", str(profile))]
    apis = [part for api in OPERATOR_APIS for part in ("--api-versions", api)]
    command = ["template", RELEASE, str(CHART), "--namespace", NAMESPACE, *files, *apis, "--values", "-"]
    return helm(*command, given=values)


def render(values: Mapping[str, Any] | None = None, *profiles: Path) -> list[Object]:
    """All objects; fails with what helm says."""
    done = template(values if values is not None else {"insecure": True}, profiles)
    assert done.returncode == 0, done.stderr
    return [found for found in YAML(typ="safe").load_all(done.stdout) if found]


def refusal(values: Mapping[str, Any]) -> str:
    """What helm says of values that it must refuse."""
    done = template({"insecure": True, **values})
    assert done.returncode != 0, "rendered all the same"
    return done.stderr


def named(objects: Sequence[Object], kind: str, name: str) -> Object:
    """The object of that kind whose name ends so."""
    return next(o for o in objects if o["kind"] == kind and o["metadata"]["name"] == f"{RELEASE}-{name}")


def kinds(objects: Sequence[Object]) -> set[str]:
    """The kinds that are there."""
    return {one["kind"] for one in objects}


def pod_of(found: Object) -> Object | None:
    """The pod (metadata and spec) that an object makes, or is; None for other objects."""
    match found["kind"]:
        case "Pod":
            return found
        case "Deployment" | "StatefulSet" | "Job":
            return dict(found["spec"]["template"])
        case "CronJob":
            return dict(found["spec"]["jobTemplate"]["spec"]["template"])
    return None


def workload(objects: Sequence[Object], component: str) -> Object:
    """The Deployment or StatefulSet of a component."""
    kind = "StatefulSet" if component == "param-server" else "Deployment"
    return named(objects, kind, f"riverrun-{component}")


def environment(found: Object) -> dict[str, str]:
    """The environment of a workload's first container."""
    pod = pod_of(found)
    assert pod is not None
    return {one["name"]: one["value"] for one in pod["spec"]["containers"][0]["env"] if "value" in one}
