"""A5: a failed fsync ends the process, whichever it is; nothing is acknowledged after it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.fault.harness import strace
from tests.fault.harness.crashes import judge
from tests.fault.harness.load import BUSY, Fleet
from tests.fault.harness.oracle import Oracle, Problem
from tests.fault.harness.server import DidNotStart, ServerProcess, Setup
from tests.fault.harness.tally import Tally
from tests.fault.mutants.table import Mutant, of_row

pytestmark = pytest.mark.needs("strace")

WITHIN_S = 1.0
REACHED_WITHIN_S = 120.0
ENDED_WITHIN_S = 60.0
MUTANT_WATCHED_S = 5.0


@dataclass
class AckTimes(Oracle):
    """An oracle that notes when each acknowledged push had been sent."""

    sent_at: dict[str, float] = field(default_factory=dict)

    def push_sent(self, push: Any) -> None:
        self.sent_at.setdefault(push.push_id, time.time())
        super().push_sent(push)

    def acked_though_sent_after(self, at: float) -> Iterator[str]:
        """Pushes that were sent after `at` and acknowledged all the same."""
        return (push_id for push_id in self.acked if self.sent_at[push_id] > at)


async def fail(
    folder: Path, nth: int, tally: Tally, ends_s: list[float], *, most_after: int = 0, mutant: str = ""
) -> None:
    """The `nth` fsync of each thread, and no other, fails; what that came to is added to `tally`.

    Of pushes sent after it `most_after` may be acknowledged.
    """
    trace, oracle, rng = folder / "trace", AckTimes(), random.Random(tally.seed)
    setup = Setup(mutant=mutant, prefix=strace.failing(strace.SYNCS, "EIO", nth, trace))
    server = ServerProcess(folder / "data", folder / "log", setup)
    try:
        await _meet(
            server, Fleet(oracle, BUSY, rng), trace, tally, MUTANT_WATCHED_S if mutant else ENDED_WITHIN_S
        )
        failed = strace.injected_at(trace)
        if not failed:
            tally.problems.append(Problem("not-reached", f"fsync {nth}"))
        elif server.process.poll() in (None, 0):
            tally.problems.append(Problem("went-on", f"fsync {nth}: the process is {server.process.poll()}"))
        if failed and len(list(oracle.acked_though_sent_after(failed[0]))) > most_after:
            tally.problems.append(Problem("went-on", f"fsync {nth}: acknowledged after the error"))
        if failed and server.process.poll() is not None:
            ends_s.append(time.time() - failed[0])
    finally:
        server.kill()
    await judge(folder, oracle, tally, rng)
    tally.life_ended(oracle)


async def _meet(server: ServerProcess, fleet: Fleet, trace: Path, tally: Tally, within_s: float) -> None:
    """Load the server until the error has struck and the process ended, or did not within `within_s`."""
    started = time.monotonic()
    with contextlib.suppress(DidNotStart):
        async with fleet.at(await server.address()):
            while not strace.injected_at(trace) and time.monotonic() < started + REACHED_WITHIN_S:
                await asyncio.sleep(0.01)
            tally.struck(fleet.oracle, time.monotonic() - started)
            with contextlib.suppress(TimeoutError):
                await server.ended(within_s)


def new(folder: Path, nth: int) -> Path:
    """A folder for one failure."""
    found = folder / str(nth)
    found.mkdir()
    return found


@pytest.mark.row("A5")
async def test_the_process_ends_within_a_second_and_had_lost_nothing(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    tally, ends_s = Tally("failed fsync", seed), list[float]()
    # Each thread counts its own: the first forty are of the start, the later ones of pushes and appends.
    calls = (*range(1, 41), *range(60, 460, 20)) if release else (1, 3, 8, 21, 34, 80, 160, 320)

    # The thread whose fsync failed may, on a busy machine, tell of it late: what others wrote meanwhile is
    # durable, and each pusher may be told so once.
    most_after = 0 if release else BUSY.pushers
    for nth in calls:
        await fail(new(folder, nth), nth, tally, ends_s, most_after=most_after)

    print(tally, [round(took, 2) for took in ends_s])
    figures |= {
        "failed fsyncs": len(calls),
        "seed": seed,
        "acknowledged pushes": tally.acked,
        "ended, longest after s": round(max(ends_s), 2),
        "broken promises": len(tally.problems),
    }
    assert not tally.problems, tally.problems
    assert len(ends_s) == len(calls)
    # A machine that does nothing else is asked for this at release size.
    if release:
        assert max(ends_s) <= WITHIN_S


@pytest.mark.row("mutants")
@pytest.mark.parametrize("mutant", of_row("A5"), ids=str)
async def test_failed_fsyncs_catch(mutant: Mutant, folder: Path, seed: int, figures: dict[str, Any]) -> None:
    tally = Tally("failed fsync", seed)
    for nth in (21, 80, 160):
        await fail(new(folder, nth), nth, tally, [], mutant=mutant.patch)
        if tally.problems:
            break

    figures |= mutant.caught_by(tally)
    assert figures["caught as"]
