"""C6: probes mean what they say: live is this process alone, ready is weights, and load hides neither."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.fault.harness.answers import MODEL, ROWS
from tests.fault.harness.links import Link, get
from tests.fault.harness.pod import Pod
from tests.fault.harness.serving_rig import Rig, asking
from tests.fault.mutants.table import Mutant, of_row

SLOW = "serving_patches:slow"
SILENT_S = 2.0
"""Seconds without an answer that a probe of the chart takes for a failure, at the least."""

BUSY_SILENT_S = 20.0
"""The same on a machine that does other things besides."""

PROBE_S = 0.05
CALLERS = 40


NOBODY = "127.0.0.1:9"
"""Where nothing listens."""


async def probed(pod: Pod, silent_s: float) -> tuple[int, int]:
    """What ``/livez`` and ``/readyz`` answer; 0 for no answer."""

    async def ask(path: str) -> int:
        try:
            async with asyncio.timeout(silent_s):
                return (await get(pod.rest, path))[0]
        except TimeoutError:
            return 0

    return await ask("/livez"), await ask("/readyz")


async def without_server(
    folder: Path, seed: int, gone_s: float, *, silent_s: float = BUSY_SILENT_S, mutant: str = ""
) -> dict[str, Any]:
    """What probes answer before, while and after things are wrong, by what is wrong."""
    found: dict[str, Any] = {}
    async with Rig(folder, seed).running() as rig:
        lost = await rig.pod(param_server=NOBODY).answers()
        found["no server at the start"] = await probed(lost, silent_s)
        lost.kill()
        pod = await rig.pod(mutant=mutant).ready()
        found["well"] = await probed(pod, silent_s)
        os.kill(pod.pid, signal.SIGSTOP)
        found["stopped"] = await probed(pod, SILENT_S)
        os.kill(pod.pid, signal.SIGCONT)
        await pod.ready()
        found["going on"] = await probed(pod, silent_s)
        rig.server.kill()
        until = time.monotonic() + gone_s
        seen: set[tuple[int, int]] = set()
        while time.monotonic() < until:
            seen.add(await probed(pod, silent_s))
            await asyncio.sleep(0.2)
        found["the server is gone"] = seen
    return found


@pytest.mark.row("C6")
async def test_probes_by_what_is_wrong(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    gone_s, silent_s = (30.0, SILENT_S) if release else (8.0, BUSY_SILENT_S)

    found = await without_server(folder, seed, gone_s, silent_s=silent_s)

    figures |= {what: str(answers) for what, answers in found.items()}
    assert found == {
        "no server at the start": (200, 503),
        "well": (200, 200),
        "stopped": (0, 0),
        "going on": (200, 200),
        "the server is gone": {(200, 200)},
    }


@pytest.mark.row("C6")
async def test_probes_answer_under_three_times_the_load(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    probes = 200 if release else 30
    statuses: Counter[tuple[int, int]] = Counter()
    slowest_s = 0.0
    async with Rig(folder, seed).running() as rig:
        pod = await rig.pod(mutant=SLOW).ready()

        async def ask() -> None:
            link = Link(pod.rest)
            try:
                while True:
                    body = f'{{"features": {{"rooms": {ROWS[0]["rooms"]}, "size": 20.0}}}}'.encode()
                    await link.ask("POST", f"/v1/models/{MODEL}:predict", body)
            finally:
                link.close()

        async with asking(*(ask() for _ in range(CALLERS))):
            await asyncio.sleep(1)
            for _ in range(probes):
                begun = time.monotonic()
                statuses[await probed(pod, SILENT_S if release else BUSY_SILENT_S)] += 1
                slowest_s = max(slowest_s, (time.monotonic() - begun) / 2)
                await asyncio.sleep(0.02)
            refused = await pod.metric("riverrun_serving_refused_total")

    figures |= {"probes": probes, "predictions refused": int(refused), "slowest, s": round(slowest_s, 3)}
    assert set(statuses) == {(200, 200)}
    assert refused > 0
    # A machine that does nothing else is asked for this at release size.
    if release:
        assert slowest_s <= PROBE_S


@pytest.mark.row("mutants")
@pytest.mark.parametrize("mutant", of_row("C6"), ids=str)
async def test_probes_catch(mutant: Mutant, folder: Path, seed: int, figures: dict[str, Any]) -> None:
    found = await without_server(folder, seed, 8.0, mutant=mutant.patch)

    wrong = found["the server is gone"] - {(200, 200)}
    figures |= mutant.caught({"unready"} if wrong else (), "kill -9 of the server")
    assert figures["caught as"]
