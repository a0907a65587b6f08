"""C12: models of any size up to the limit arrive whole; one byte more is refused, naming the limit."""

from __future__ import annotations

import asyncio
import contextlib
import random
from pathlib import Path
from typing import Any

import pytest

from riverrun.codec.wire import decode_side, encode_side
from riverrun.core.digest import HashTree
from riverrun.core.errors import Exhausted
from riverrun.core.units import SideDelta
from riverrun.core.versions import LIVE
from riverrun.rpc.channels import open_channel
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.trainer_session import open_session
from riverrun.rpc.weights import Push
from tests.fault.harness import serving_rig
from tests.fault.harness.answers import MODEL
from tests.fault.harness.bad_versions import Maker
from tests.fault.harness.fake_server import FakeServer
from tests.fault.harness.line import SPEC
from tests.fault.harness.pod import Pod
from tests.fault.harness.process import DEADLINE_S
from tests.fault.harness.server import ServerProcess, Setup

MIB = 1 << 20
UNIT = 64 << 10
SIZES = (1 << 10, int(3.9 * MIB), int(4.1 * MIB))
TRAINER = {0: b"trainer"}


def pushed(model: str, epoch: int, size: int, rng: random.Random) -> Push:
    """A first version whose units, of both sides, hold `size` bytes in all."""
    left = size - len(TRAINER[0])
    units = {n + 1: rng.randbytes(min(UNIT, left - at)) for n, at in enumerate(range(0, left, UNIT))}
    return Push(
        model=model,
        line=1,
        epoch=epoch,
        base_version=0,
        push_id=model,
        serving=encode_side(SideDelta(units)),
        trainer=encode_side(SideDelta(dict(TRAINER))),
        snapshot=True,
        serving_root=HashTree(units).root,
        trainer_root=HashTree(TRAINER).root,
        next_unit=len(units) + 1,
    )


@pytest.mark.row("C12")
async def test_models_up_to_the_limit_arrive_and_one_byte_more_is_refused(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    limit = (512 if release else 64) * MIB
    rng = random.Random(seed)
    environment = {
        "RIVERRUN_PARAM_SERVER_MAX_MODEL_BYTES": str(limit),
        # The hand reports nothing while it makes its bytes.
        "RIVERRUN_PARAM_SERVER_LEASE_S": "600",
    }
    server = ServerProcess(folder / "data", folder / "log", Setup(environment=environment))
    arrived: list[int] = []
    refusal = ""
    try:
        address = await server.address()
        for size in (*SIZES, limit, limit + 1):
            async with contextlib.AsyncExitStack() as stack:
                channel = open_channel(address)
                stack.push_async_callback(channel.close)
                client = ParameterClient(channel, deadline_s=DEADLINE_S)
                name = f"model-{size}"
                await client.register_model(SPEC.format(name=name))
                session = await stack.enter_async_context(open_session(client, name, 1, "hand"))
                push = await asyncio.to_thread(pushed, name, session.opened.epoch, size, rng)
                try:
                    await client.push(push)
                except Exhausted as error:
                    refusal = f"{size} bytes: {error}"
                    continue
                pulled = await client.pull(name, channel=LIVE, max_bytes=2 * limit)
                units = decode_side(pulled.serving, max_bytes=2 * limit).apply({})
                if await asyncio.to_thread(lambda units: HashTree(units).root, units) == push.serving_root:
                    arrived.append(size)
    finally:
        server.kill()

    figures |= {"bytes that arrived": ", ".join(f"{size:,}" for size in arrived), "refused": refusal}
    assert arrived == [*SIZES, limit]
    assert refusal.startswith(f"{limit + 1} bytes: ")
    assert f"limit of {limit} bytes" in refusal


@pytest.mark.row("C12")
async def test_a_pod_refuses_more_than_its_own_limit_and_answers_on(
    folder: Path, seed: int, figures: dict[str, Any]
) -> None:
    make = Maker(seed)
    async with FakeServer(serving_rig.SPEC).listening() as server:
        good = server.offer(make.good())
        pod = Pod(server.address, folder / "log", environment={"MAX_WEIGHTS_BYTES": str(MIB)})
        try:
            await pod.ready()
            units = {n: random.Random(seed + n).randbytes(UNIT) for n in range(MIB // UNIT)}
            server.offer(make.raw(encode_side(SideDelta(units))))
            async with asyncio.timeout(60):
                while not (status := await pod.status(MODEL))["problem"]:
                    await asyncio.sleep(0.02)
        finally:
            pod.kill()

    figures |= {"limit of the pod, bytes": MIB, "problem": status["problem"]}
    assert status["version"] == good
    assert f"limit of {MIB} bytes" in status["problem"]
