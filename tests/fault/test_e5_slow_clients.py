"""E5: clients that send slowly, or nothing, hold up nobody, and are let go of."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from tests.fault.harness.answers import MODEL
from tests.fault.harness.callers import BODY, PATIENT
from tests.fault.harness.serving_rig import Rig
from tests.fault.harness.usage import usage
from tests.integration.serving.slow_clients import Streams, begins_of, opened

CLOSED_S = 30.0
FILES_BESIDE = 30
"""Files and sockets of a pod that are none of these clients'."""

REQUEST = b"POST /v1/models/%s:predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (
    MODEL.encode(),
    len(BODY),
    BODY,
)
IDLE_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""A client's preface and its empty settings: gRPC takes the connection, and no call follows."""


async def _end(streams: Streams) -> float:
    """When the other side ended the connection."""
    await asyncio.wait_for(streams[0].read(), 4 * CLOSED_S)
    return time.monotonic()


@pytest.mark.row("E5")
async def test_slow_and_idle_clients_hold_up_nobody(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    count, idle_s, receive_s = (500, 60.0, 10.0) if release else (200, 1.0, 3.0)
    async with Rig(folder, seed).running() as rig:
        pod = await rig.pod(**PATIENT, RECEIVE_S=str(receive_s)).ready()
        before = usage(pod.pid).files
        host, _, rest_port = pod.rest.rpartition(":")
        grpc_port = int(pod.grpc.rpartition(":")[2])
        async with (
            rig.load(rest={pod.rest: 40}, grpc={pod.grpc: 40}),
            opened(host, grpc_port, count, [IDLE_HTTP2, b""]) as idle,
            opened(host, int(rest_port), count, begins_of(REQUEST)) as slow,
        ):
            begun = time.monotonic()
            most = usage(pod.pid).files
            # Of gRPC's those that said nothing at all; it says hello itself, so these end with that.
            ends = await asyncio.gather(*map(_end, [*slow, *idle[1::2]]))
            await asyncio.sleep(idle_s)
            after = usage(pod.pid).files
        ended = pod.process.poll()

    figures |= {
        "slow connections": count,
        "idle connections of HTTP/2": count,
        "longest until one that sent no whole request was closed, s": round(max(ends) - begun, 1),
        "files at most": most,
        "files after": after,
        "files before": before,
        "good answers": rig.answers.given,
        "failed": rig.answers.problems["failed"],
    }
    rig.answers.check()
    assert ended is None
    assert most <= before + 2 * count + FILES_BESIDE
    # Half of the idle ones are connections that gRPC took, and keeps until nothing was called for a while.
    assert after <= before + count // 2 + FILES_BESIDE
    # A machine that does nothing else is asked for this at release size.
    if release:
        assert max(ends) - begun <= CLOSED_S
        assert after <= before + FILES_BESIDE
