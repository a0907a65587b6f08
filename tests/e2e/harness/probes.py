"""Pods that try things from within the cluster."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.e2e.harness.release import FULL, Release

# All at once: whoever is kept out waits the whole time.
REACHES = """
import socket, sys
from concurrent.futures import ThreadPoolExecutor

def said(part):
    name, address = part.split("=")
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), 3).close()
        return f"{name} reached"
    except OSError:
        return f"{name} refused"

print(*ThreadPoolExecutor(16).map(said, sys.argv[1:]), sep="\\n")
"""


def start(release: Release, name: str, labels: Mapping[str, str], *, token: bool = False) -> None:
    """A pod that waits to be told what to try; with `token` one of its own account, and the authority."""
    image = release.values["image"]
    container: dict[str, Any] = {
        "name": name,
        "image": f"{image['registry']}/{image['repository']}:{image['tag']}".lstrip("/"),
        "imagePullPolicy": "IfNotPresent",
        "command": ["sleep", "infinity"],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    spec: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    items = [pod(name, labels, spec)]
    if token:
        items.insert(0, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}})
        spec["serviceAccountName"] = name
        container["volumeMounts"] = [{"name": "ours", "mountPath": "/ours"}]
        sources = [
            {"serviceAccountToken": {"path": "token", "audience": "riverrun"}},
            {"configMap": {"name": f"{FULL}-ca"}},
        ]
        spec["volumes"] = [{"name": "ours", "projected": {"sources": sources}}]
    given = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    release.namespace.kubectl("apply", "--filename", "-", given=given)
    release.namespace.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=120s")


def pod(name: str, labels: Mapping[str, str], spec: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "labels": dict(labels)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def python(release: Release, name: str, script: str, *arguments: str) -> str:
    """What `script` prints, run in the pod by its Python."""
    return release.namespace.kubectl("exec", name, "--", "python", "-c", script, *arguments)


def reached(release: Release, name: str, targets: Mapping[str, str]) -> set[str]:
    """Which of the targets, ``host:port`` by name, the pod can open a connection to."""
    given: Sequence[str] = [f"{target}={address}" for target, address in targets.items()]
    said = python(release, name, REACHES, *given)
    return {line.split()[0] for line in said.splitlines() if line.endswith("reached")}


def addresses(release: Release, *components: str) -> dict[str, str]:
    """host:port by component and port's name, of one pod each."""
    found = {}
    for component in components:
        pod = release.namespace.pods(component)[0]
        for port in pod["spec"]["containers"][0]["ports"]:
            found[f"{component}-{port['name']}"] = f"{pod['status']['podIP']}:{port['containerPort']}"
    return found
