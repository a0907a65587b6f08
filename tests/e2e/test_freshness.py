"""How fresh four serving pods on two nodes or more are, beside four serving processes on this machine alone.

Both are what serving processes report of themselves (`riverrun freshness`): from a label's arrival in the
event log to the moment when answers come from weights that learned it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from benchmarks import workload
from benchmarks.freshness import WARM_UP, WARM_UP_RATE, drive
from benchmarks.stack import running_stack
from benchmarks.systems import Riverrun
from riverrun.cli.documents import freshness_document
from riverrun.client import AsyncClient
from tests.e2e.harness.kube import ready_nodes
from tests.e2e.harness.load import forwarded
from tests.e2e.harness.release import installed

pytestmark = pytest.mark.full

REPLICAS = 4
RATE, SECONDS = 100, 20
ENOUGH = 100
"""Swaps that say something of a process; it keeps the times of the last thousand. A busy machine takes many
labels in one version."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Where labels go in."""

    rest_ports: list[int]
    pids: list[int] = field(default_factory=list)


def send(system: Any) -> None:
    drive(system, 0, WARM_UP, WARM_UP_RATE)
    drive(system, WARM_UP, RATE * SECONDS, RATE)


def figures_of(reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The whole of what was reported: each serving process, for its last versions."""
    assert len(reports) == REPLICAS
    assert all(one["freshness_ms"]["swaps"] >= ENOUGH for one in reports), [
        one["freshness_ms"] for one in reports
    ]
    return {
        "swaps": [one["freshness_ms"]["swaps"] for one in reports],
        "p50, ms": sorted(round(one["freshness_ms"]["p50"], 1) for one in reports),
        "p99, ms": sorted(round(one["freshness_ms"]["p99"], 1) for one in reports),
    }


def test_four_pods_on_several_nodes_are_fresh(figures: dict[str, Any]) -> None:
    if len(ready_nodes()) < 2:
        pytest.skip("this cluster has one node")
    values = {
        "insecure": True,
        "models": {workload.NAME: workload.PHISHING.spec},
        "serving": {"replicas": REPLICAS},
    }
    with installed("fresh", values) as release:
        pods = release.namespace.pods("serving")
        figures["nodes"] = sorted(pod["spec"]["nodeName"] for pod in pods)
        with forwarded(release.namespace, pods[0]["metadata"]["name"], 8000) as port:
            send(Riverrun(Reached([port]), workload.PHISHING))  # type: ignore[arg-type]
        figures["in the cluster"] = there = figures_of(release.riverrun("freshness", workload.NAME))

    with running_stack(workload.PHISHING.spec, REPLICAS) as stack:
        send(Riverrun(stack, workload.PHISHING))
        figures["on this machine alone"] = figures_of(asyncio.run(reported(stack.server)))

    assert len(set(figures["nodes"])) >= 2
    assert max(there["p50, ms"]) < 1000


async def reported(server: str) -> list[dict[str, Any]]:
    async with AsyncClient(server=server) as client:
        return [freshness_document(one) for one in await client.readers(workload.NAME)]
