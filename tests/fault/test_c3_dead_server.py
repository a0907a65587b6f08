"""C3: a parameter server that is dead harms no answer, and the age that is stated is true."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.fault.harness.answers import MODEL, ROWS
from tests.fault.harness.callers import patient
from tests.fault.harness.links import Link, get
from tests.fault.harness.pod import Pod
from tests.fault.harness.serving_rig import SPEC, Rig

WITHIN_S = 1.0
REFUSES_AFTER_S = 3
PREDICT = f"/v1/models/{MODEL}:predict"
BODY = json.dumps({"features": ROWS[0]}).encode()


@pytest.mark.row("C3")
async def test_a_dead_server_harms_no_answer_and_ages_are_true(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    away_s = 1800.0 if release else 12.0
    off_s: list[float] = []
    down: Counter[str] = Counter()
    async with Rig(folder, seed).running() as rig:
        pod = await rig.pod(**patient(release)).ready()
        async with rig.load(rest={pod.rest: 50}, grpc={pod.grpc: 50}):
            await asyncio.sleep(2)
            confirmed, breaks = time.monotonic() - (await pod.status(MODEL))["age_seconds"], _breaks(pod)
            rig.server.kill()
            if not release:
                # What the server said last, a pod on a busy machine reads, and takes for new, later.
                async with asyncio.timeout(60):
                    while _breaks(pod) == breaks:
                        await asyncio.sleep(0.01)
            died, given = time.monotonic(), rig.answers.given
            # On a busy machine it takes longer until so many are answered.
            while time.monotonic() < died + away_s or rig.answers.given < given + 10 * away_s:
                asked = time.monotonic()
                age_s = (await pod.status(MODEL))["age_seconds"]
                least_s, most_s = asked - died, time.monotonic() - confirmed
                off_s.append(max(least_s - age_s, age_s - most_s, 0.0))
                for probe in ("/livez", "/readyz"):
                    down[probe] += (await get(pod.rest, probe))[0] != 200
                await asyncio.sleep(0.25)

    figures |= {
        "away, s": round(time.monotonic() - died),
        "answers": rig.answers.given,
        "failed": rig.answers.problems["failed"],
        "age off by at most, s": round(max(off_s), 2),
        "probes that failed": down.total(),
    }
    rig.answers.check()
    assert max(off_s) <= WITHIN_S
    assert not +down


def _breaks(pod: Pod) -> int:
    """How often a pod lost its watch: what came before that it has taken by then."""
    return sum(line.get("event") == "the watch broke" for line in pod.lines())


@pytest.mark.row("C3")
async def test_a_model_that_must_not_be_stale_refuses_and_the_pod_stays_ready(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    stale = f"{SPEC}\nsync: {{max_staleness: {REFUSES_AFTER_S}s, when_stale: refuse}}\n"
    async with Rig(folder, seed).running() as rig:
        await rig.client.register_model(stale)
        pod = await rig.pod(**patient(release)).ready()
        link = Link(pod.rest)
        before: list[int] = []
        async with asyncio.timeout(60):
            # A machine that stood still lets it be stale for a moment.
            while set(before) != {200}:
                before = [(await link.ask("POST", PREDICT, BODY))[0] for _ in range(10)]
        asked, age_s = time.monotonic(), (await pod.status(MODEL))["age_seconds"]
        rig.server.kill()
        died = time.monotonic()
        confirmed_s = died - asked + age_s
        while (status := (await link.ask("POST", PREDICT, BODY))[0]) == 200:
            assert time.monotonic() < died + 20 * REFUSES_AFTER_S
            await asyncio.sleep(0.05)
        refused_s = time.monotonic() - died
        probes = [(await get(pod.rest, probe))[0] for probe in ("/livez", "/readyz")]
        link.close()

    figures |= {
        "max_staleness, s": REFUSES_AFTER_S,
        "refused after, s": round(refused_s, 1),
        "status": status,
    }
    assert (status, probes) == (503, [200, 200])
    # What was confirmed last was so before it died; a busy machine notices later.
    assert REFUSES_AFTER_S - confirmed_s <= refused_s
    if release:
        assert refused_s <= REFUSES_AFTER_S + WITHIN_S
