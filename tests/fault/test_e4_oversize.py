"""E4: what is too large is refused for little: few bytes read, little of the processor taken."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fault.harness.answers import MODEL
from tests.fault.harness.callers import PATIENT, Callers
from tests.fault.harness.serving_rig import Rig, asking
from tests.fault.harness.usage import cpu_s, read_bytes, usage
from tests.integration.serving.oversize import answer_to, oversizes

LIMIT = 4 << 20
"""A pod's own default."""

READ, CPU_S, BUSY_CPU_S = LIMIT + (1 << 20), 0.1, 1.0
READ_WHOLE = 422
"""Status of what is within the limit of bytes: it costs what reading its JSON costs."""

GROWN = 64 << 20
PATH = f"/v1/models/{MODEL}:predict"


@pytest.mark.row("E4")
async def test_what_is_too_large_is_refused_for_little(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    good, wrong = Callers(), []
    cpu_of: dict[str, float] = {}
    read_of: dict[str, int] = {}
    async with Rig(folder, seed).running() as rig:
        pod = await rig.pod(**PATIENT).ready()
        host, _, port = pod.rest.rpartition(":")
        before = usage(pod.pid).rss
        requests = oversizes(LIMIT)
        for request in requests:
            cpu, read = cpu_s(pod.pid), read_bytes(pod.pid)
            status = await answer_to(request, host, int(port), PATH, 16 * LIMIT)
            cpu_of[request.why] = cpu_s(pod.pid) - cpu
            read_of[request.why] = read_bytes(pod.pid) - read
            if status != request.status:
                wrong.append((request.why, status))
            async with asking(good.ask(pod, 100.0)):
                await asyncio.sleep(0.1)
        grown = usage(pod.pid).rss - before

    unread = {request.why: cpu_of[request.why] for request in requests if request.status != READ_WHOLE}
    figures |= {
        "requests": len(requests),
        "answered otherwise than they should be": len(wrong),
        "most bytes read": _most(read_of, 1),
        "most processor time of one that is not read whole, ms": _most(unread, 1000),
        "of one that is read as JSON": _most(cpu_of, 1000),
        "good answers between them": len(good.of(200)),
        "MiB of memory more": round(grown / (1 << 20), 1),
    }
    assert not wrong
    assert max(read_of.values()) <= READ
    # A machine that does nothing else is asked for this at release size.
    assert max(unread.values()) <= (CPU_S if release else BUSY_CPU_S)
    assert good.seconds.keys() == {200}
    assert grown <= GROWN


def _most(figures: Mapping[str, float], scale: int) -> str:
    """The greatest, and what it is of."""
    name = max(figures, key=lambda name: figures[name])
    return f"{scale * figures[name]:,.0f} ({name})"
