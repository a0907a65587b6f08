"""A model that learned wrong labels at first, and what it takes to learn it anew: over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import grpc
from riverrun_trainer.app import serve
from riverrun_trainer.settings import TrainerSettings

from riverrun.codec.wire import decode_side
from riverrun.core.events import NewEvent, Stream
from riverrun.core.retraining import Retrain, RetrainPhase, RetrainState
from riverrun.core.spec import parse_spec
from riverrun.core.versions import Manifest
from riverrun.learners.build import build_learner, build_predictor
from riverrun.rpc.event_log import RemoteEventLog
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.retrain_client import RetrainClient
from riverrun.runtime.lifecycle import NotFinished, Stop
from tests.integration.trainer.trainer_stack import Row, Stack, offset_of, rows
from tests.stacks import PATIENCE_S

FORGETS_NOTHING = """
name: toy
task: binary
model:
  - naive_bayes.GaussianNB
features: {a: float, b: float, c: float}
metrics: [LogLoss]
publish: {every: 50ms}
"""

SECOND_NS = 10**9
BEGAN_NS = 1_750_000_000 * SECOND_NS
CHANGED = datetime.datetime.fromtimestamp(1_750_001_000, datetime.UTC)
"""When labels came to be right: example 1,000 and on, one a second."""

WRONG = 1_000


def examples(count: int, *, wrong: int = WRONG) -> list[Row]:
    """Examples whose labels are wrong before `CHANGED`."""
    return [(features, label ^ (n < wrong)) for n, (features, label) in enumerate(rows(count))]


AT_ONCE = 50
"""Examples that a retrain is given together, while it is compared."""


class Pace:
    """When a retrain is to be given more: once it says that it has learned what it was given last.

    What it says is half a second old, or older where its process was killed: that it is not behind may be
    of before it was given any.
    """

    def __init__(self) -> None:
        self._learned = -1

    def allows(self, retrain: Retrain) -> bool:
        """Whether it is to be given more now; then it is."""
        progress = retrain.progress
        if progress is None or progress.phase is not RetrainPhase.COMPARING:
            return False
        if progress.behind >= AT_ONCE or progress.examples <= self._learned:
            return False
        self._learned = progress.examples
        return True


@dataclass
class Retraining:
    """What tests do with a retrain of the model ``toy``."""

    stack: Stack
    retrains: RetrainClient
    fed: list[Row] = field(default_factory=list)

    async def feed(self, more: Sequence[Row]) -> None:
        """Append the next examples, each a second later than the one before."""
        events = [
            NewEvent(
                f"e{n}",
                json.dumps({"features": features, "label": label}).encode(),
                BEGAN_NS + n * SECOND_NS,
            )
            for n, (features, label) in enumerate(more, len(self.fed))
        ]
        for first in range(0, len(events), 500):
            answers = await self.stack.log.append("toy", Stream.EXAMPLES, events[first : first + 500])
            assert not any(answer.refused for answer in answers)
        self.fed += more

    async def newest(self) -> Retrain:
        """The newest retrain."""
        return (await self.retrains.list("toy"))[0]

    async def head_of(self, line: int) -> Manifest | None:
        """The newest version of a line."""
        for version in await self.stack.client.list_versions("toy", limit=1_000):
            if version.line == line:
                return version
        return None

    async def position(self, offset: int) -> None:
        """Return once live's line stands at `offset`."""
        async with asyncio.timeout(60):
            while (head := await self.head_of(1)) is None or offset_of(head) < offset:
                await asyncio.sleep(0.05)

    async def until(self, holds: Callable[[Retrain], bool], within_s: float = 60) -> Retrain:
        """The newest retrain, once it `holds`."""
        async with asyncio.timeout(within_s):
            while not holds(retrain := await self.newest()):
                await asyncio.sleep(0.05)
        return retrain

    async def fed_until(self, more: Sequence[Row], ended: Callable[[Retrain], bool]) -> Retrain:
        """Feed `more` as the retrain takes it, until that has `ended`, as happens before all is fed."""
        waiting, pace = list(more), Pace()
        async with asyncio.timeout(150):
            while not ended(retrain := await self.newest()):
                if pace.allows(retrain):
                    assert waiting, f"it came to no end: {retrain}"
                    await self.feed(waiting[:AT_ONCE])
                    del waiting[:AT_ONCE]
                await asyncio.sleep(0.05)
        return retrain

    def has_all(self, head: Manifest, examples: int) -> bool:
        """Whether the line has taken all that was fed, and so learned at least `examples`."""
        return offset_of(head) >= len(self.fed)

    async def at_the_end(self, line: int, examples: int = 0) -> Manifest:
        """The newest version of the line, once it has all."""
        async with asyncio.timeout(60):
            while (head := await self.head_of(line)) is None or not self.has_all(head, examples):
                await asyncio.sleep(0.05)
        return head

    async def assert_learned_once(self, line: int, learned: Sequence[Row], spec: str) -> None:
        """The line stands at the log's end, and is to the bit what a plain loop over `learned` gives."""
        head = await self.at_the_end(line, len(learned))
        learner = build_learner(parse_spec(spec))
        for features, label in learned:
            learner.score(features, label, learner.predict(features))
            learner.learn([features], [label], [1.0])
        assert head.examples == len(learned)
        assert head.metrics == learner.metrics()
        pulled = await self.stack.client.pull("toy", version=head.version)
        units = decode_side(pulled.serving, max_bytes=1 << 30).changed
        predictor = build_predictor(parse_spec(spec), units, head.serving_root)
        probes = [features for features, _ in rows(50, seed=11)]
        assert predictor.predict_many(probes) == [learner.predict(row) for row in probes]


def patient(stack: Stack, channel: grpc.aio.Channel) -> RetrainClient:
    """Calls of retrains, and those of `stack` from now on: a machine may stand still for some seconds."""
    stack.client = ParameterClient(channel, deadline_s=PATIENCE_S)
    stack.log = RemoteEventLog(channel, deadline_s=PATIENCE_S)
    return RetrainClient(channel, deadline_s=PATIENCE_S)


@contextlib.asynccontextmanager
async def retrain_process(address: str, line: int, **settings: object) -> AsyncIterator[asyncio.Task[None]]:
    """The process of a retrain, in this one; asked to stop when the block ends."""
    stop = Stop()
    chosen = TrainerSettings(
        param_server=address,
        retrain=f"toy:{line}",
        **({"http_port": 0, "report_every_s": 0.2, "drain_s": 60} | settings),
    )
    task = asyncio.create_task(serve(chosen, stop))
    try:
        yield task
    finally:
        stop.ask()
        with contextlib.suppress(NotFinished):
            await asyncio.wait_for(task, 90)


def has_ended(retrain: Retrain) -> bool:
    return retrain.state is not RetrainState.RUNNING
