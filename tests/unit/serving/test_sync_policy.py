"""When a slot takes weights, by policy and state alone."""

from __future__ import annotations

import pytest
from riverrun_serving.sync.sync_policy import SyncState, due_at

from riverrun.core.spec import SyncSpec

WATCH = SyncSpec()
PACED = SyncSpec.model_validate({"min_interval": "2s"})
HOURLY = SyncSpec.model_validate({"mode": "interval", "interval": "1h"})
PINNED = SyncSpec.model_validate({"mode": "pinned", "version": 7})


@pytest.mark.parametrize(
    ("policy", "state", "due"),
    [
        (WATCH, SyncState(version=0, applied=0, announced=0), None),
        (WATCH, SyncState(version=0, applied=0, announced=1), 0.0),
        (WATCH, SyncState(version=3, applied=3, announced=3, taken_at=5.0), None),
        (WATCH, SyncState(version=3, applied=3, announced=4, taken_at=5.0), 5.0),
        (PACED, SyncState(version=3, applied=3, announced=4, taken_at=5.0), 7.0),
        (PACED, SyncState(version=3, applied=3, announced=4), 0.0),
        (HOURLY, SyncState(version=0, applied=0, announced=1), 0.0),
        (HOURLY, SyncState(version=3, applied=3, announced=9, checked_at=10.0), 3610.0),
        (HOURLY, SyncState(version=3, applied=3, announced=3), 0.0),
        (PINNED, SyncState(version=3, applied=3, announced=3), 0.0),
        (PINNED, SyncState(version=7, applied=0, announced=9), None),
        (PINNED, SyncState(version=0, applied=0, announced=0), 0.0),
    ],
)
def test_weights_are_due_when_the_policy_says(policy: SyncSpec, state: SyncState, due: float | None) -> None:
    assert due_at(policy, state) == due
