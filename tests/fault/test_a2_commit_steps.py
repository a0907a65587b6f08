"""A2: what was acknowledged survives a crash at every step of a commit, by name and by system call."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from riverrun.runtime import failpoints
from tests.fault.harness import strace
from tests.fault.harness.server import Setup
from tests.fault.harness.stops import Stop, Stops
from tests.fault.harness.tally import first_that_counts

FAMILIES = {
    "pushes": ("file.", "commit.", "push."),
    "events": ("events.",),
    "snapshots": ("snapshot.",),
    "pruning": ("compaction.", "prune."),
    "first start": ("start.", "file."),
}

PASSES = {"snapshots": 2, "pruning": 3}
"""In rare steps the stop comes at one of the first passes, else at one of the first forty."""

CALLS = {"pwrite64": (200, 2000), "fdatasync": (60, 600), "fsync": (20, 100), "rename": (4, 30)}
"""Between which of its calls a thread of the server is stopped: registering the models takes the first."""

PRUNING = {
    "RIVERRUN_PARAM_SERVER_KEEP_ALL_S": "0.3",
    "RIVERRUN_PARAM_SERVER_KEEP_MINUTELY_S": "0",
    "RIVERRUN_PARAM_SERVER_KEEP_HOURLY_S": "0",
    "RIVERRUN_PARAM_SERVER_RETENTION_EVERY_S": "0.1",
}


def the_stops(family: str, times: int, rng: random.Random) -> Sequence[Stop]:
    """Every point of a family, `times` times, in random order."""
    first = family == "first start"
    names = [name for name in sorted(failpoints.POINTS) if name.startswith(FAMILIES[family])]
    environment = PRUNING if family == "pruning" else {}
    stops = []
    for name in names * times:
        nth = 1 if first else rng.randint(1, PASSES.get(family, 40))
        stops.append(Stop(name, Setup(failpoint=f"{name}:{nth}", environment=environment), fresh=first))
    rng.shuffle(stops)
    return stops


@pytest.mark.row("A2")
@pytest.mark.parametrize("family", FAMILIES)
async def test_every_named_step_can_be_the_last(
    family: str, folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    stops = the_stops(family, 25 if release else 2, random.Random(seed))

    # Before the first start is over nothing can be loaded; that the next start works is what is shown.
    loaded = family != "first start"
    run = Stops(stops, prunes=family == "pruning").run
    tally = await (first_that_counts(run, folder, seed) if loaded else run(folder, seed))

    figures |= {"points": len(tally.reached), "stops": tally.reached.total()}
    assert not tally.problems, f"{tally}\n{tally.problems[:10]}"
    if loaded:
        figures |= tally.figures()
        tally.check()


@pytest.mark.row("A2")
@pytest.mark.needs("strace")
@pytest.mark.parametrize("call", CALLS)
async def test_every_write_and_sync_can_be_the_last(
    call: str, folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    rng = random.Random(seed)
    nth = [rng.randint(*CALLS[call]) for _ in range(25 if release else 3)]
    stops = [Stop(call, Setup(prefix=strace.killed_at(call, n, folder / "trace"))) for n in nth]

    tally = await Stops(stops).run(folder, seed)

    figures |= {"calls": tally.reached.total(), **tally.figures()}
    # Each call is chosen, not met by luck, and under strace pushes are slow: their rate says nothing.
    tally.check(min_rate=0.0)
