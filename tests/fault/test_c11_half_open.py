"""C11: a link that swallows everything and says nothing is found, and pings never break one that is idle."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from riverrun.rpc.channels import open_channel
from riverrun.rpc.params_client import ParameterClient
from tests.fault.harness.answers import MODEL
from tests.fault.harness.callers import patient
from tests.fault.harness.process import DEADLINE_S
from tests.fault.harness.proxy import Proxy
from tests.fault.harness.serving_rig import Rig
from tests.fault.harness.watchers import WireWatcher

FOUND_S = 40.0


@pytest.mark.row("C11")
async def test_a_half_open_link_is_found_and_idle_ones_stay(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    rounds, idle_s = (10, 180.0) if release else (1, 25.0)
    found_s: list[float] = []
    async with (
        Rig(folder, seed).running() as rig,
        Proxy(rig.address).listening() as idle_link,
        Proxy(rig.address).listening() as link,
        WireWatcher().watching(rig.address) as idle_watch,
    ):
        idle = open_channel(idle_link.address)
        await ParameterClient(idle, deadline_s=DEADLINE_S).list_models()
        begun = time.monotonic()
        pod = await rig.pod(param_server=link.address, **patient(release)).ready()
        async with rig.load(rest={pod.rest: 20}):
            for _ in range(rounds):
                link.go_half_open()
                version, cut = await rig.push(), time.monotonic()
                await pod.reaches(MODEL, version, within_s=4 * FOUND_S)
                found_s.append(time.monotonic() - cut)
        await asyncio.sleep(max(0.0, idle_s - (time.monotonic() - begun)))
        await ParameterClient(idle, deadline_s=DEADLINE_S).list_models()
        await idle.close()

    figures |= {
        "half-open links": rounds,
        "longest until the newest version was in, s": round(max(found_s), 1),
        "answers meanwhile": rig.answers.given,
        "failed": rig.answers.problems["failed"],
        "idle, s": round(time.monotonic() - begun),
        "idle links that broke": idle_link.accepted - 1 + bool(idle_watch.broke),
    }
    rig.answers.check()
    # A machine that does nothing else is asked for this at release size.
    if release:
        assert max(found_s) <= FOUND_S
    assert not idle_watch.broke
    assert idle_link.accepted == 1, "the idle link was broken and opened again"
