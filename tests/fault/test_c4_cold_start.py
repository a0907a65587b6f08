"""C4: a pod that starts while the parameter server is away answers from its last good copy, or waits."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from riverrun.runtime.failpoints import EXIT_STATUS
from tests.fault.harness.answers import MODEL, Asker
from tests.fault.harness.callers import patient
from tests.fault.harness.links import get
from tests.fault.harness.pod import Pod
from tests.fault.harness.proxy import Proxy
from tests.fault.harness.serving_rig import Rig, asking
from tests.fault.harness.size import in_pieces

NOBODY = "127.0.0.1:9"
"""Where nothing listens: the parameter server is away."""

POINTS = ("copy.half-written", "copy.after-write", "copy.after-fsync", "copy.after-rename")
LOADED_S = 2.0


@pytest.mark.row("C4")
@in_pieces(5)
async def test_ended_at_each_step_of_its_copy_a_pod_starts_from_a_whole_one(
    piece: int, folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    ends = POINTS * (5 if release else 1)
    cache = folder / "cache"
    started_s: list[float] = []
    half_written = 0
    async with Rig(folder, seed + piece).running() as rig:
        settings = {"CACHE_DIR": str(cache), "CACHE_EVERY_S": "0.005", **patient(release)}
        for point in ends:
            pod = await rig.pod(failpoint=f"{point}:{rig.rng.randint(3, 6)}", **settings).answers()
            while pod.process.poll() is None:
                await rig.push()
                await asyncio.sleep(0.02)
            assert pod.process.returncode == EXIT_STATUS
            half_written += bool(list(cache.glob("*.new")))

            alone = await rig.pod(param_server=NOBODY, **settings).answers()
            bound = time.monotonic()
            await alone.ready()
            started_s.append(time.monotonic() - bound)
            given = rig.answers.given
            async with asking(Asker(rig.answers, seed).over_rest(alone.rest, 50)):
                while rig.answers.given < given + 10 and not rig.answers.problems:
                    await asyncio.sleep(0.01)
            alone.kill()

    figures |= {
        "ended during a write": len(ends),
        "with a copy in the making": half_written,
        "longest from bound to ready, s": round(max(started_s), 2),
        "wrong or failed answers": rig.answers.problems.total(),
    }
    rig.answers.check()
    assert half_written >= len(ends) // 2
    # A machine that does nothing else is asked for this at release size.
    if release:
        assert max(started_s) <= LOADED_S


@pytest.mark.row("C4")
async def test_with_damaged_copies_a_pod_waits_unready_and_never_ends(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    damages = 40 if release else 8
    async with Rig(folder, seed).running() as rig, Proxy(rig.address).listening() as link:
        cache = folder / "cache"
        first = await rig.pod(CACHE_DIR=str(cache), CACHE_EVERY_S="0.01").ready()
        while not (copies := list(cache.glob("*.weights"))):
            await asyncio.sleep(0.01)
        first.kill()
        whole = copies[0].read_bytes()
        for number in range(damages):
            copy = copies[0] if number == 0 else cache / f"other-{number}@live.weights"
            copy.write_bytes(_damaged(whole, number + seed, rig))

        link.refusing = True
        pod = await rig.pod(param_server=link.address, CACHE_DIR=str(cache)).answers()
        probes = []
        for _ in range(10):
            probes.append(((await get(pod.rest, "/livez"))[0], (await get(pod.rest, "/readyz"))[0]))
            await asyncio.sleep(0.2)
        async with asyncio.timeout(60):
            while (named := _named(pod)) < damages:
                await asyncio.sleep(0.05)
        link.heal()
        await pod.ready()
        await pod.reaches(MODEL, rig.trainer.version)

    figures |= {"damaged copies": damages, "named in the log": named, "answers of probes": str(set(probes))}
    assert set(probes) == {(200, 503)}
    assert named == damages


def _named(pod: Pod) -> int:
    """How many copies a pod said to be damaged."""
    return sum("damaged" in line.get("event", "") for line in pod.lines())


def _damaged(whole: bytes, number: int, rig: Rig) -> bytes:
    match number % 4:
        case 0:
            return whole[: rig.rng.randrange(len(whole))]
        case 1:
            return os.urandom(len(whole))
        case 2:
            return b""
        case _:
            at = rig.rng.randrange(len(whole))
            return whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :]
