"""B1: each event changes the weights once, whoever is killed and when.

Over the embedded log, which has one partition; brokers that have more get their row when they come.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fault.harness.size import in_pieces
from tests.fault.harness.tally import first_that_counts
from tests.fault.harness.trainer_kills import TrainerKills


@pytest.mark.row("B1")
@in_pieces(8)
async def test_each_event_is_learned_once_across_kills_of_trainer_and_server(
    piece: int, folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    run = TrainerKills(12_500, 38, 7) if release else TrainerKills(10_000, 10, 5)

    tally = await first_that_counts(run.run, folder, seed + piece)

    figures |= {"events": tally.labels, **tally.figures()}
    del figures["acknowledged labels"]
    tally.check()
