"""B9 and B1 with joins: a prediction and its label are one example, once, whoever is killed and when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fault.harness.joined_kills import killed_while_joining
from tests.fault.mutants.table import Mutant, of_row


@pytest.mark.row("B9")
async def test_labels_meet_their_predictions_once_across_kills_of_every_part(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    events, rounds = (20_000, 15) if release else (600, 2)

    outcome = await killed_while_joining(folder, seed, events=events, rounds=rounds)

    figures |= {
        "kill -9": outcome.kills,
        "seed": seed,
        "examples learned": outcome.learned,
        "of these by joins": outcome.joined,
        "calls on their way, least": min(outcome.asking),
        "broken promises": len(outcome.problems),
    }
    assert not outcome.problems, outcome.problems[:5]
    # Less shows nothing.
    assert outcome.joined > 0.5 * outcome.learned > 100
    assert sum(count > 0 for count in outcome.asking) > 0.5 * outcome.kills


@pytest.mark.row("mutants")
@pytest.mark.parametrize("mutant", of_row("B9"), ids=str)
async def test_joins_across_kills_catch(
    mutant: Mutant, folder: Path, seed: int, figures: dict[str, Any]
) -> None:
    outcome = await killed_while_joining(
        folder, seed, events=200, rounds=1, mutant=mutant.patch, within_s=15.0
    )

    figures |= mutant.caught([one.kind for one in outcome.problems], f"{outcome.kills} x kill -9")
    assert figures["caught as"]
