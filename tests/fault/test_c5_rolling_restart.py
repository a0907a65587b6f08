"""C5: a pod that is asked to stop loses no request, though new connections still come for a while."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fault.harness.answers import MODEL, Answers, Asker
from tests.fault.harness.callers import patient
from tests.fault.harness.pod import Pod
from tests.fault.harness.proxy import Proxy
from tests.fault.harness.serving_rig import Rig, asking
from tests.fault.mutants.table import Mutant, of_row

LATE_S = 5.0
"""Seconds after the signal in which the Service still sends new connections to the pod."""

LINGER_S = 10.0
"""So that a Service on a busy machine, which turns later, is still in time."""

ENDS_S = 20.0
GIVEN_UP_S = 120.0
LET_GO = 3
"""Calls to each pod at most that its gRPC may let go of, unread, as it says goodbye."""

AT_ONCE = 6
ROUNDS = 17
"""At release size: a hundred signals and two."""

RATE = 20.0
TRIES = 4
"""At CI size, of which one must turn every link in time: a busy machine may be late even so."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """How one pod went: its exit status, and seconds from the signal to its end and to its links' turn."""

    status: int
    seconds: float
    turned_s: float


async def stop_under_load(rig: Rig, pod: Pod, stays: Pod, number: int) -> Stopped:
    """Stop `pod`, reached over links that turn to `stays` some seconds later."""
    async with contextlib.AsyncExitStack() as stack:
        rest = await stack.enter_async_context(Proxy(pod.rest).listening())
        grpc = await stack.enter_async_context(Proxy(pod.grpc).listening())
        asker = Asker(rig.answers, number)
        loads = (
            asker.over_rest(rest.address, RATE),
            asker.over_rest(rest.address, RATE, fresh=True),
            asker.over_grpc(grpc.address, RATE, leaving=True),
        )
        async with asking(*loads):
            await asyncio.sleep(1)
            begun = time.monotonic()
            pod.terminate()
            await asyncio.sleep(LATE_S)
            rest.target, grpc.target = stays.rest, stays.grpc
            turned_s = time.monotonic() - begun
            status = await pod.ended(GIVEN_UP_S)
            took = time.monotonic() - begun
            await asyncio.sleep(1)
        return Stopped(status, took, turned_s)


async def restart_all(
    folder: Path, seed: int, rounds: int, *, at_once: int = AT_ONCE, release: bool = False, mutant: str = ""
) -> tuple[Answers, list[Stopped]]:
    """Stop some pods at once, round after round; what was answered, and how they went."""
    stopped: list[Stopped] = []
    async with Rig(folder, seed).running() as rig:
        settings = patient(release)
        stays = await rig.pod(**settings).ready()
        for _ in range(rounds):
            pods = [rig.pod(mutant=mutant, LINGER_S=str(LINGER_S), **settings) for _ in range(at_once)]
            await asyncio.gather(*(pod.ready() for pod in pods))
            stopped += await asyncio.gather(
                *(stop_under_load(rig, pod, stays, seed + n) for n, pod in enumerate(pods))
            )
        async with asyncio.timeout(60):
            # Watches of pods that went are not listed any more.
            while len(await rig.client.list_readers(MODEL)) != 1:
                await asyncio.sleep(0.05)
    return rig.answers, stopped


async def turned_in_time(folder: Path, seed: int) -> tuple[Answers, list[Stopped]]:
    """The first of some runs at CI size in which every link turned while its pod still took connections."""
    for number in range(TRIES):
        place = folder / str(number)
        place.mkdir()
        answers, stopped = await restart_all(place, seed, 1)
        latest_s = max(one.turned_s for one in stopped)
        if latest_s < LINGER_S:
            return answers, stopped
        print(f"does not count: a link turned {latest_s:.1f} s after the signal, {answers.problems}")
    raise AssertionError(f"no run of {TRIES} turned its links within {LINGER_S:g} s")


@pytest.mark.row("C5")
async def test_pods_that_are_stopped_under_load_fail_no_request(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    if release:
        answers, stopped = await restart_all(folder, seed, ROUNDS, release=True)
    else:
        answers, stopped = await turned_in_time(folder, seed)

    figures |= {
        "SIGTERMs": len(stopped),
        "requests": answers.given,
        "failed": answers.problems["failed"],
        "calls made again": answers.let_go,
        "longest until the end, s": round(max(one.seconds for one in stopped), 1),
    }
    answers.check()
    assert answers.let_go <= LET_GO * len(stopped)
    assert {one.status for one in stopped} == {0}
    assert answers.given > 20 * len(stopped)
    # A machine that does nothing else is asked for this at release size.
    if release:
        assert max(one.seconds for one in stopped) <= ENDS_S


@pytest.mark.row("mutants")
@pytest.mark.parametrize("mutant", of_row("C5"), ids=str)
async def test_stops_under_load_catch(
    mutant: Mutant, folder: Path, seed: int, figures: dict[str, Any]
) -> None:
    answers, stopped = await restart_all(folder, seed, 1, at_once=2, mutant=mutant.patch)

    figures |= mutant.caught(answers.problems, f"{len(stopped)} x SIGTERM")
    assert figures["caught as"]
