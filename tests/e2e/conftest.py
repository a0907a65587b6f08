"""A cluster: nothing here runs unless ``RIVERRUN_E2E_SIZE`` asks for it; see README.md."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.e2e.harness.kube import Namespace, environment, new_name

SIZE = environment("SIZE")
HERE = Path(__file__).parent
TIMEOUT_S = 600

collect_ignore_glob = [] if SIZE else ["test_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(autouse=True, scope="session")
def _quiet() -> None:
    assert os.environ.get("KUBECONFIG"), "set KUBECONFIG: tests must never meet a cluster by accident"
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("error"))


@pytest.fixture(autouse=True, scope="session")
def old_token(_quiet: None) -> Iterator[tuple[str, str]]:
    """A token that is good for ten minutes from the first test on, which is the least, and whose it is."""
    if SIZE != "full":
        yield "", ""
        return
    namespace = Namespace(new_name("early"))
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "early"}}
    namespace.kubectl("apply", "--filename", "-", given=json.dumps(account))
    made = ("create", "token", "early", "--audience", "riverrun", "--duration", "600s")
    yield namespace.kubectl(*made).strip(), f"system:serviceaccount:{namespace.name}:early"
    namespace.delete()


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """What the test measured; printed in the end, whatever became of it."""
    measured: dict[str, Any] = {}
    yield measured
    print(f"\n{request.node.name}: {measured}")
