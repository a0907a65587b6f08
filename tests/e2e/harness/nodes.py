"""What can happen to nodes, done by a command of whoever runs the cluster."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.harness.kube import environment, eventually, get, ready_nodes, run

BACK = {"kill": "revive", "cut": "heal"}
"""What happens to a node, and what ends it."""


def can_fail() -> bool:
    """Whether RIVERRUN_E2E_FAULT names a command."""
    return bool(environment("FAULT"))


def apply(what: str, node: str) -> None:
    """Run the command, with the node's name and the number at its end filled in."""
    number = re.search(r"\d*$", node)
    filled = environment("FAULT").format(what=what, node=node, number=number[0] if number else "")
    run(*shlex.split(filled))


@contextmanager
def failing(what: str, node: str) -> Iterator[None]:
    """`kill` or `cut` while the block runs; then the node comes back, and is ready."""
    apply(what, node)
    try:
        yield
    finally:
        apply(BACK[what], node)
        eventually(f"{node} is ready again", lambda: node in ready_nodes(), within_s=180)


def pods_on(namespace: str, node: str) -> list[str]:
    """Names of the pods that run there."""
    found = get("--namespace", namespace, "pods", "--field-selector", f"spec.nodeName={node}")["items"]
    return sorted(pod["metadata"]["name"] for pod in found)
