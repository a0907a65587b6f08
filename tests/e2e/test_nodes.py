"""Nodes that die or are cut off, each of three in its turn, under the same load and the same oracle.

Until the cluster notices that a node is gone, which takes it some twenty seconds by design, new connections
go on to be sent there: no answer of ours can be had for these. From then on nothing may fail.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.harness.kube import eventually, ready_nodes
from tests.e2e.harness.load import MODELS, SETTINGS, Load, started_load
from tests.e2e.harness.nodes import can_fail, failing, pods_on
from tests.e2e.harness.release import Release, installed
from tests.e2e.test_under_load import SHARE

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(not can_fail(), reason="RIVERRUN_E2E_FAULT names no command that nodes fail by"),
]

VALUES: dict[str, Any] = {
    "insecure": True,
    "models": MODELS,
    "paramServer": SHARE,
    "trainer": SHARE,
    "serving": SHARE | {"replicas": 3, "settings": SETTINGS},
}
NODES = 3
TIMEOUT_S = 10.0
"""How long a request of the load waits for its answer."""
HEARD_S = 10.0
"""From when a node is not ready to when every other node sends no connection there."""


@pytest.fixture(scope="module")
def load() -> Iterator[Load]:
    if len(ready_nodes()) < NODES:
        pytest.skip(f"this cluster has fewer than {NODES} nodes")
    with installed("nodes", VALUES) as release:
        yield started_load(release)


@pytest.mark.parametrize("index", range(NODES))
@pytest.mark.parametrize("what", ["kill", "cut"])
def test_a_node_that_fails_loses_no_label(what: str, index: int, load: Load, figures: dict[str, Any]) -> None:
    release, node = load.release, sorted(ready_nodes())[index]
    load.start(away_from=node, first=load.stop())
    # What the node before has left behind is not this one's.
    eventually("every pod is up to date", lambda: list(load.state()["oldest"].values())[-1] < 5)
    figures["on it"] = pods_on(release.namespace.name, node)
    has_param_server = any("param-server" in name for name in figures["on it"])

    with load.watched() as seen:
        begun = time.monotonic()
        with failing(what, node):
            eventually(f"{node} is not ready", lambda: node not in ready_nodes())
            figures["noticed after, s"] = noticed_s = round(time.monotonic() - begun, 1)
            # Long enough to see that nothing fails from then on.
            eventually("a while went by", lambda: time.monotonic() - begun > noticed_s + HEARD_S + TIMEOUT_S)
        settle(release)
        figures["whole again after, s"] = whole_s = round(time.monotonic() - begun, 1)

    figures |= seen[0].figures()
    figures["last failure asked at, s"] = max((at for at, _ in seen[0].failures), default=None)
    figures["late failures"] = late = [one for one in seen[0].failures if one[0] >= noticed_s + HEARD_S]
    figures["labels learned once"] = load.check_learned_once()
    assert not late
    assert seen[0].labels > 0
    assert seen[0].back == 0
    assert seen[0].oldest_s < (whole_s if has_param_server else 0) + 15


def settle(release: Release) -> None:
    for component in ("param-server", "trainer", "serving"):
        release.settle(component)
