"""C14: swapping versions leaks neither memory nor threads nor file descriptors; a planted leak is found."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.fault.harness.callers import patient
from tests.fault.harness.pod import Pod
from tests.fault.harness.serving_rig import Rig
from tests.fault.harness.usage import Usage, usage

LEAK = "serving_patches:leak"
"""Planted: some 50 KB for each version."""

PER_100_SWAPS = 1 << 20
WARM_SWAPS, LEAST_SWAPS = 100, 250
SWAPS = "riverrun_serving_swaps_total"


MORE_THREADS, MORE_FILES = 2, 4

WINDOWS = 3
"""At CI size, of which in one nothing may grow: what comes into use late on a busy machine does so once, a
leak goes on."""


@dataclass
class Taken:
    """What a pod took, and how many swaps it had made by then, again and again."""

    taken: list[Usage] = field(default_factory=list)
    swaps: list[float] = field(default_factory=list)

    @property
    def slope(self) -> float:
        """Bytes of memory that a hundred swaps cost, by least squares."""
        return 100 * statistics.linear_regression(self.swaps, [one.rss for one in self.taken]).slope

    @property
    def grows(self) -> bool:
        """Whether it takes more and more."""
        first, last = self.taken[0], self.taken[-1]
        more = last.threads > first.threads + MORE_THREADS or last.files > first.files + MORE_FILES
        return more or self.slope > PER_100_SWAPS


async def watched(pods: Mapping[str, Pod], measured_s: float) -> dict[str, Taken]:
    """What each pod takes for so long; on a busy machine for longer, until there is enough to tell."""
    found = {name: Taken() for name in pods}
    sound = found["sound"].swaps
    while len(sound) < 50 or sound[-1] - sound[0] < LEAST_SWAPS:
        for name, pod in pods.items():
            found[name].taken.append(usage(pod.pid))
            found[name].swaps.append(await pod.metric(SWAPS))
        await asyncio.sleep(measured_s / 50)
    return found


@pytest.mark.row("C14")
async def test_swaps_leak_nothing_and_a_planted_leak_is_found(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    measured_s, warm_s, rate = (3600.0, 120.0, 1.0) if release else (25.0, 8.0, 40.0)
    async with Rig(folder, seed).running() as rig:
        settings = patient(release)
        pods = {"sound": rig.pod(**settings), "leaking": rig.pod(mutant=LEAK, **settings)}
        for pod in pods.values():
            await pod.ready()
        load = {pod.rest: 40.0 for pod in pods.values()}
        async with rig.load(rest=load, grpc={pods["sound"].grpc: 40.0}):
            pushing = asyncio.create_task(rig.push_at(rate, 1_000_000))
            await asyncio.sleep(warm_s)
            while await pods["sound"].metric(SWAPS) < WARM_SWAPS:
                await asyncio.sleep(0.1)
            for _ in range(1 if release else WINDOWS):
                begun = time.monotonic()
                found = await watched(pods, measured_s)
                if not found["sound"].grows:
                    break
                print(f"grows by {found['sound'].slope:.0f} bytes for 100 swaps: {found['sound'].taken}")
            pushing.cancel()
            await asyncio.gather(pushing, return_exceptions=True)

    sound = found["sound"].taken
    figures |= {
        "seconds": round(time.monotonic() - begun),
        "swaps": round(found["sound"].swaps[-1] - found["sound"].swaps[0]),
        "MiB of memory for 100 swaps": round(found["sound"].slope / (1 << 20), 2),
        "the same with a planted leak": round(found["leaking"].slope / (1 << 20), 2),
        "threads": f"{min(one.threads for one in sound)} to {max(one.threads for one in sound)}",
        "files": f"{min(one.files for one in sound)} to {max(one.files for one in sound)}",
    }
    rig.answers.check()
    assert not found["sound"].grows
    assert found["leaking"].slope > PER_100_SWAPS
