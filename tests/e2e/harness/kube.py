"""A cluster as the tests use it: kubectl and helm as people run them."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


class Failed(AssertionError):
    """A command ended with another status than 0."""


def run(*command: str, given: str | None = None, within_s: float = 180) -> str:
    """What the command wrote; raises `Failed` with what it said where it failed."""
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=within_s)
    if done.returncode:
        raise Failed(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def kubectl(*arguments: str, given: str | None = None, within_s: float = 180) -> str:
    """kubectl against the cluster that KUBECONFIG names."""
    return run("kubectl", *arguments, given=given, within_s=within_s)


def get(*arguments: str) -> dict[str, Any]:
    """An object, or a list of them, as the API server has it."""
    found: dict[str, Any] = json.loads(kubectl("get", *arguments, "--output", "json"))
    return found


def ready_nodes() -> list[str]:
    """Names of the nodes that are ready and take pods."""
    return [
        node["metadata"]["name"]
        for node in get("nodes")["items"]
        if not node["spec"].get("unschedulable")
        and any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
    ]


def knows(api: str) -> bool:
    """Whether the cluster has an API group and version, such as ``monitoring.coreos.com/v1``."""
    return api in kubectl("api-versions").split()


def new_name(what: str) -> str:
    """Of a namespace that no run before has left, which may still be on its way out."""
    return f"riverrun-{what}-{time.time_ns() // 1_000_000 % 10_000_000}"


class Namespace:
    """A namespace of its own, with Pod Security `restricted` enforced."""

    def __init__(self, name: str) -> None:
        self.name = name
        document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}}
        kubectl("apply", "--filename", "-", given=json.dumps(document))

    def kubectl(self, *arguments: str, given: str | None = None, within_s: float = 180) -> str:
        """kubectl within the namespace."""
        return kubectl("--namespace", self.name, *arguments, given=given, within_s=within_s)

    def get(self, *arguments: str) -> dict[str, Any]:
        """An object or a list of the namespace."""
        return get("--namespace", self.name, *arguments)

    def pods(self, component: str) -> list[dict[str, Any]]:
        """The pods of a component that are not on their way out."""
        found = self.get("pods", "--selector", f"app.kubernetes.io/component={component}")["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def trouble(self) -> str:
        """What an operator would look at first."""
        parts = [
            self.kubectl("get", "pods", "--output", "wide"),
            self.kubectl("get", "events", "--sort-by", ".lastTimestamp")[-4000:],
        ]
        for component in ("param-server", "trainer", "serving"):
            selector = f"app.kubernetes.io/component={component}"
            parts.append(self.kubectl("logs", "--selector", selector, "--tail", "15", "--prefix"))
        return "\n".join(parts)

    def delete(self) -> None:
        """Ask for its end; it goes on its own."""
        kubectl("delete", "namespace", self.name, "--wait=false", "--ignore-not-found")


def eventually(what: str, check: Callable[[], T], *, within_s: float = 120) -> T:
    """The first truthy answer of `check`, asked each second; fails when there is none in time."""
    deadline = time.monotonic() + within_s
    last: object = None
    while time.monotonic() < deadline:
        try:
            if last := check():
                return last
        except Failed as error:
            last = error
        time.sleep(1)
    raise AssertionError(f"not within {within_s:g} s: {what}; last: {last!r}")


def environment(name: str) -> str:
    """A setting of the tests, from RIVERRUN_E2E_<name>; empty where it is not set."""
    return os.environ.get(f"RIVERRUN_E2E_{name}", "")


def merged(*values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a chart over one another, map by map."""
    result: dict[str, Any] = {}
    for one in values:
        for key, value in one.items():
            inner = result.get(key)
            result[key] = (
                merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
            )
    return result
