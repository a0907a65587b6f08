"""B1: each event changes the weights once, whoever is killed and when.

Over the embedded log, which has one partition; brokers that have more get their row when they come.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fault.harness.tally import first_that_counts
from tests.fault.harness.trainer_kills import TrainerKills


@pytest.mark.row("B1")
async def test_each_event_is_learned_once_across_kills_of_trainer_and_server(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    run = TrainerKills(100_000, 100, 50) if release else TrainerKills(10_000, 10, 5)

    tally = await first_that_counts(run.run, folder, seed)

    figures |= {"events": tally.labels, **tally.figures()}
    del figures["acknowledged labels"]
    tally.check()
