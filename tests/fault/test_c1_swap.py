"""C1: a swap is atomic: each answer is wholly of the version that it names, and none fails for a swap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fault.harness.answers import Answers
from tests.fault.harness.callers import patient
from tests.fault.harness.serving_rig import Rig
from tests.fault.mutants.table import Mutant, of_row

RATE = 200.0
SWAPS_PER_S = 12.0
ANSWERS = 10
"""Of each version, at the least and on average."""

MOST_PUSHES = 8
"""Times as many pushes as swaps, at the most."""


async def swap_under_load(
    folder: Path, seed: int, swaps: int, *, release: bool = False, mutant: str = ""
) -> Answers:
    """What a pod answered while it swapped `swaps` versions in; on a busy machine some are passed over."""
    async with Rig(folder, seed).running() as rig:
        pod = await rig.pod(mutant=mutant, **patient(release)).ready()
        async with rig.load(rest={pod.rest: RATE}, grpc={pod.grpc: RATE}):
            for _ in range(MOST_PUSHES):
                await rig.push_at(SWAPS_PER_S, swaps)
                taken = await pod.metric("riverrun_serving_swaps_total")
                if mutant or (taken >= swaps and rig.answers.given > ANSWERS * swaps):
                    break
            await pod.reaches("houses", rig.trainer.version)
    assert mutant or taken >= swaps, f"only {taken:.0f} of {swaps} versions were swapped in"
    return rig.answers


@pytest.mark.row("C1")
async def test_every_answer_is_of_the_version_that_it_names(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    swaps = 1000 if release else 100

    answers = await swap_under_load(folder, seed, swaps, release=release)

    figures |= {
        "swaps": swaps,
        "seed": seed,
        "answers": answers.given,
        "versions that answered": len(answers.versions),
        "failed": answers.problems["failed"],
        "of another version than named": answers.problems["torn-answer"],
    }
    answers.check()
    assert len(answers.versions) > 0.5 * swaps
    assert answers.given > ANSWERS * swaps


@pytest.mark.row("mutants")
@pytest.mark.parametrize("mutant", of_row("C1"), ids=str)
async def test_swaps_under_load_catch(
    mutant: Mutant, folder: Path, seed: int, figures: dict[str, Any]
) -> None:
    answers = await swap_under_load(folder, seed, 40, mutant=mutant.patch)

    figures |= mutant.caught(answers.problems, "40 x swap")
    assert figures["caught as"]
