"""A parameter server and a trainer in this process, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import stamina
from riverrun_param_server.app import Running, running
from riverrun_param_server.settings import ParamServerSettings
from riverrun_trainer.app import serve
from riverrun_trainer.settings import TrainerSettings

from riverrun.codec.wire import decode_side
from riverrun.core.errors import Unavailable
from riverrun.core.events import NewEvent, Stream
from riverrun.core.spec import parse_spec
from riverrun.core.versions import Manifest
from riverrun.learners.build import build_learner, build_predictor
from riverrun.rpc.channels import open_channel
from riverrun.rpc.event_log import RemoteEventLog
from riverrun.rpc.params_client import ParameterClient
from riverrun.runtime.clock import Clock
from riverrun.runtime.lifecycle import Stop

SPEC = """
name: toy
task: binary
model:
  - preprocessing.StandardScaler
  - linear_model.LogisticRegression: {optimizer: {optim.SGD: {lr: 0.05}}}
features: {a: float, b: float, c: float}
metrics: [LogLoss, ROCAUC]
"""

Row = tuple[dict[str, float], bool]

DEADLINE_S = 60.0
"""Of calls and of stopping, far past what a machine that stalls takes."""


def with_publish(policy: str, spec: str = SPEC) -> str:
    return f"{spec}publish: {policy}\n"


def rows(count: int, seed: int = 7) -> list[Row]:
    """Examples with a rule behind them, the same for the same seed."""
    draw = random.Random(seed)
    made = []
    for _ in range(count):
        features = {name: draw.gauss(0, 3) for name in "abc"}
        made.append((features, features["a"] - 2 * features["b"] + draw.gauss(0, 1) > 0))
    return made


def event(number: int, row: Row) -> NewEvent:
    features, label = row
    return NewEvent(f"e{number}", json.dumps({"features": features, "label": label}).encode())


class Stack:
    """What a test asks of the running services."""

    def __init__(self, server: Running, channel) -> None:
        self.server = server
        self.address = f"127.0.0.1:{server.port}"
        self.client = ParameterClient(channel, deadline_s=DEADLINE_S)
        self.log = RemoteEventLog(channel, deadline_s=DEADLINE_S)

    async def feed(self, examples: Sequence[Row], *, start: int = 0, model: str = "toy") -> None:
        """Append `examples` in order, as events e<start> and on."""
        for first in range(0, len(examples), 500):
            part = examples[first : first + 500]
            events = [event(start + first + n, row) for n, row in enumerate(part)]
            # A channel that just failed waits a moment before it connects again.
            async for attempt in stamina.retry_context(on=Unavailable, attempts=50, wait_max=0.2):
                with attempt:
                    answers = await self.log.append(model, Stream.EXAMPLES, events)
            assert not any(answer.refused for answer in answers)

    async def head(self, model: str = "toy") -> Manifest | None:
        """The newest version's manifest."""
        versions = await self.client.list_versions(model, limit=1)
        return versions[0] if versions else None

    async def wait_for(
        self, reached: Callable[[Manifest], bool], *, model: str = "toy", within_s: float = 60.0
    ) -> Manifest:
        """The first newest version that has `reached` what is waited for."""
        head: Manifest | None = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while True:
                    head = await self.head(model)
                    if head is not None and reached(head):
                        return head
                    await asyncio.sleep(0.02)
        raise AssertionError(f"not reached within {within_s} s; the newest version is {head}")

    async def position(self, offset: int, **kwargs) -> Manifest:
        """The newest version, once it stands at `offset` of the examples."""
        return await self.wait_for(lambda head: offset_of(head) >= offset, **kwargs)

    async def predictor(self, spec: str = SPEC, model: str = "toy"):
        """What serving would answer with: the live version."""
        pulled = await self.client.pull(model, channel="live")
        units = decode_side(pulled.serving, max_bytes=1 << 30).changed
        return build_predictor(parse_spec(spec), units, pulled.manifest.serving_root)


def offset_of(head: Manifest) -> int:
    return head.positions.get(Stream.EXAMPLES, {}).get(0, 0)


@contextlib.asynccontextmanager
async def param_server(
    data: Path, *, port: int = 0, clock: Clock | None = None, **options
) -> AsyncIterator[Stack]:
    allowed = ("sleepy_models:make", "deadly_models:make", "their.code:make")
    # A session lapses where a test says so, and never because the machine stalled.
    chosen = {"lease_s": 600.0, "drain_s": 1, "factories": allowed} | options
    settings = ParamServerSettings(data=data, port=port, http_port=0, **chosen)
    async with running(settings, clock=clock) as server:
        waiting = asyncio.create_task(server.wait())
        try:
            async with open_channel(f"127.0.0.1:{server.port}") as channel:
                yield Stack(server, channel)
        finally:
            server.stop.ask()
            await waiting


@contextlib.asynccontextmanager
async def trainer(address: str, *, clock: Clock | None = None, **settings) -> AsyncIterator[Stop]:
    """A trainer while the block runs; stopped gracefully at its end."""
    stop = Stop()
    chosen = TrainerSettings(
        param_server=address, **({"http_port": 0, "report_every_s": 0.2, "drain_s": DEADLINE_S} | settings)
    )
    task = asyncio.create_task(serve(chosen, stop, clock=clock))
    try:
        yield stop
    finally:
        stop.ask()
        await asyncio.wait_for(task, 2 * DEADLINE_S)


async def killed_trainer(address: str, until, **settings) -> None:
    """Run a trainer until `until` returns, then drop it without any last push."""
    stop = Stop()
    task = asyncio.create_task(
        serve(TrainerSettings(param_server=address, http_port=0, report_every_s=0.2, **settings), stop)
    )
    try:
        await until
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def trainer_process(address: str, **environment: str):
    """A trainer in a process of its own; killed at the latest when the block ends."""
    names = {
        "RIVERRUN_TRAINER_PARAM_SERVER": address,
        "RIVERRUN_TRAINER_HTTP_PORT": "0",
        "RIVERRUN_TRAINER_REPORT_EVERY_S": "0.2",
        "PYTHONHASHSEED": "1",
    }
    # What a test adds to the path comes beside what is there.
    paths = [environment.get("PYTHONPATH"), os.environ.get("PYTHONPATH")]
    path = {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "riverrun_trainer", env=os.environ | names | environment | path
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def problem_of(stack, model: str = "toy") -> str:
    return next(info.problem for info in await stack.client.list_models() if info.name == model)


async def eventually(condition, within_s: float = 60.0):
    async with asyncio.timeout(within_s):
        while not await condition():
            await asyncio.sleep(0.02)


def plain_loop(examples: Sequence[Row], spec: str = SPEC):
    """A learner that learned `examples` one after another in a plain loop, with its metrics."""
    parsed = parse_spec(spec)
    learner = build_learner(parsed)
    for features, label in examples:
        learner.score(features, label, learner.predict(features))
        learner.learn([features], [label], [1.0])
    return learner
