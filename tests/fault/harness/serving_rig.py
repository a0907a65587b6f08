"""A parameter server, a hand that trains a linear model, pods, and load on them: what C rows start from."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
from collections.abc import AsyncIterator, Coroutine, Mapping
from pathlib import Path
from typing import Any

from riverrun.core.spec import parse_spec
from riverrun.rpc.channels import open_channel
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.trainer_session import open_session
from tests.fault.harness.answers import MODEL, Answers, Asker
from tests.fault.harness.pod import Pod
from tests.fault.harness.process import DEADLINE_S
from tests.fault.harness.server import ServerProcess, Setup
from tests.integration.serving.serving_stack import HandTrainer

SPEC = f"""
name: {MODEL}
task: regression
model:
  - preprocessing.StandardScaler
  - linear_model.LinearRegression
features: {{rooms: int, size: float}}
"""


class Rig:
    """One store, its trainer and its pods. `answers` is the oracle of what pods say."""

    def __init__(self, folder: Path, seed: int, setup: Setup | None = None) -> None:
        self.folder = folder
        self.answers = Answers()
        self.rng = random.Random(seed)
        setup = setup or Setup()
        # The hand reports when it pushes, and rests for as long as a pod takes to start.
        environment = {"RIVERRUN_PARAM_SERVER_LEASE_S": "600", **setup.environment}
        setup = dataclasses.replace(setup, environment=environment)
        self.server = ServerProcess(folder / "data", folder / "server.log", setup)
        self.address = ""
        self.client: ParameterClient
        self.trainer: HandTrainer
        self._seed = seed
        self._pods: list[Pod] = []
        self._count = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Rig]:
        """The server answers, and the model has its first version, while the block runs."""
        try:
            self.address = await self.server.address()
            async with contextlib.AsyncExitStack() as stack:
                channel = open_channel(self.address)
                stack.push_async_callback(channel.close)
                self.client = ParameterClient(channel, deadline_s=DEADLINE_S)
                info, _ = await self.client.register_model(SPEC)
                line = info.lines[-1].number
                session = await stack.enter_async_context(open_session(self.client, MODEL, line, "hand"))
                self.trainer = HandTrainer(parse_spec(SPEC), self.client, session, line)
                await self.push()
                yield self
        finally:
            for pod in self._pods:
                pod.kill()
            self.server.kill()

    async def push(self) -> int:
        """Learn three random examples and push; the version. The oracle knows its answers before anybody."""
        for _ in range(3):
            rooms, size = self.rng.randint(1, 9), self.rng.uniform(20, 400)
            label = 10 * rooms + self.rng.gauss(size, 30)
            self.trainer.learner.learn([{"rooms": rooms, "size": size}], [label], [1.0])
        self.answers.must_be(self.trainer.version + 1, self.trainer)
        return await self.trainer.push()

    async def push_at(self, rate: float, count: int) -> None:
        """`count` pushes, `rate` a second."""
        for _ in range(count):
            await self.push()
            await asyncio.sleep(1 / rate)

    def pod(
        self, *, param_server: str = "", mutant: str = "", failpoint: str = "", **environment: str
    ) -> Pod:
        """A pod that starts now, by way of `param_server` where that is given; it ends with the rig."""
        self._count += 1
        log = self.folder / f"pod-{self._count}.log"
        pod = Pod(
            param_server or self.address, log, mutant=mutant, failpoint=failpoint, environment=environment
        )
        self._pods.append(pod)
        return pod

    @contextlib.asynccontextmanager
    async def load(
        self, rest: Mapping[str, float] | None = None, grpc: Mapping[str, float] | None = None
    ) -> AsyncIterator[None]:
        """Ask these addresses at these rates while the block runs, each by four askers."""
        asks: list[Coroutine[Any, Any, None]] = []
        for number in range(4):
            asker = Asker(self.answers, self._seed + number)
            asks += [asker.over_rest(address, rate / 4) for address, rate in (rest or {}).items()]
            asks += [asker.over_grpc(address, rate / 4) for address, rate in (grpc or {}).items()]
        async with asking(*asks):
            yield


@contextlib.asynccontextmanager
async def asking(*asks: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run `asks` while the block runs; one that fails fails the block."""
    tasks = [asyncio.create_task(ask) for ask in asks]
    try:
        yield
    finally:
        failed = [task.exception() for task in tasks if task.done() and not task.cancelled()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for error in failed:
        if error is not None:
            raise error
