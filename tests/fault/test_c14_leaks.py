"""C14: swapping versions leaks neither memory nor threads nor file descriptors; a planted leak is found."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.fault.harness.serving_rig import Rig
from tests.fault.harness.usage import Usage, usage

LEAK = "serving_patches:leak"
"""Planted: some 50 KB for each version."""

PER_100_SWAPS = 1 << 20
WARM_SWAPS, LEAST_SWAPS = 100, 250
SWAPS = "riverrun_serving_swaps_total"


def slope(swaps: Sequence[float], taken: Sequence[Usage]) -> float:
    """Bytes of memory that a hundred swaps cost, by least squares."""
    return 100 * statistics.linear_regression(swaps, [one.rss for one in taken]).slope


@pytest.mark.row("C14")
async def test_swaps_leak_nothing_and_a_planted_leak_is_found(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    measured_s, warm_s, rate = (3600.0, 120.0, 1.0) if release else (25.0, 8.0, 40.0)
    samples: dict[str, list[Usage]] = {"sound": [], "leaking": []}
    swaps: dict[str, list[float]] = {"sound": [], "leaking": []}
    async with Rig(folder, seed).running() as rig:
        pods = {"sound": rig.pod(), "leaking": rig.pod(mutant=LEAK)}
        for pod in pods.values():
            await pod.ready()
        load = {pod.rest: 40.0 for pod in pods.values()}
        async with rig.load(rest=load, grpc={pods["sound"].grpc: 40.0}):
            pushing = asyncio.create_task(rig.push_at(rate, 1_000_000))
            await asyncio.sleep(warm_s)
            while await pods["sound"].metric(SWAPS) < WARM_SWAPS:
                await asyncio.sleep(0.1)
            begun = time.monotonic()
            # On a busy machine it takes longer until there is enough to tell.
            while len(swaps["sound"]) < 50 or swaps["sound"][-1] - swaps["sound"][0] < LEAST_SWAPS:
                for name, pod in pods.items():
                    samples[name].append(usage(pod.pid))
                    swaps[name].append(await pod.metric(SWAPS))
                await asyncio.sleep(measured_s / 50)
            pushing.cancel()
            await asyncio.gather(pushing, return_exceptions=True)

    sound = samples["sound"]
    cost = {name: slope(swaps[name], samples[name]) for name in pods}
    figures |= {
        "seconds": round(time.monotonic() - begun),
        "swaps": round(swaps["sound"][-1] - swaps["sound"][0]),
        "MiB of memory for 100 swaps": round(cost["sound"] / (1 << 20), 2),
        "the same with a planted leak": round(cost["leaking"] / (1 << 20), 2),
        "threads": f"{min(one.threads for one in sound)} to {max(one.threads for one in sound)}",
        "files": f"{min(one.files for one in sound)} to {max(one.files for one in sound)}",
    }
    rig.answers.check()
    assert cost["sound"] <= PER_100_SWAPS
    assert cost["leaking"] > PER_100_SWAPS
    assert sound[-1].threads <= sound[0].threads + 2
    assert sound[-1].files <= sound[0].files + 4
