"""A3: what was acknowledged survives a power cut of the parameter server's machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fault.harness.load import BUSY, RESTING, Profile
from tests.fault.harness.power_cuts import PowerCuts
from tests.fault.harness.server import Setup
from tests.fault.harness.tally import first_that_counts
from tests.fault.mutants.table import Mutant, of_row

pytestmark = pytest.mark.needs("loop")


@pytest.mark.row("A3")
@pytest.mark.parametrize("profile", [BUSY, RESTING], ids=["busy", "resting"])
async def test_acknowledged_versions_and_labels_survive_power_cuts(
    profile: Profile, folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    cuts = PowerCuts(100 if release else 10, profile=profile)
    tally = await first_that_counts(cuts.run, folder, seed)

    figures |= tally.figures()
    tally.check()


@pytest.mark.row("mutants")
@pytest.mark.parametrize("mutant", of_row("A3"), ids=str)
async def test_ten_power_cuts_catch(mutant: Mutant, folder: Path, seed: int, figures: dict[str, Any]) -> None:
    # Only where nothing follows the last commit is a folder's fsync, or a journal's, missed.
    profile = BUSY if mutant.number == 3 else replace(RESTING, rest_s=0.05)

    tally = await PowerCuts(10, profile=profile, setup=Setup(mutant=mutant.patch)).run(folder, seed)

    figures |= mutant.caught_by(tally)
    assert figures["caught as"]
