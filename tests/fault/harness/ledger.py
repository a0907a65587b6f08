"""A model whose weights count events: what was learned, held against the log, event by event.

Each event has a category of its own, and one step of the linear model adds exactly 1 to the weight of that
category: a weight of 2 is an event learned twice, a missing weight one that was skipped.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from riverrun.codec.wire import decode_side
from riverrun.core.errors import RiverrunError, Unavailable
from riverrun.core.events import LoggedEvent, NewEvent, Stream
from riverrun.core.spec import parse_spec
from riverrun.core.units import State
from riverrun.core.versions import Manifest
from riverrun.learners.build import live_model
from riverrun.rpc.event_log import RemoteEventLog
from riverrun.rpc.params_client import ParameterClient
from tests.fault.harness.oracle import Problem

MODEL = "counting"

STEPS = """\
model:
  - preprocessing.OneHotEncoder: {drop_zeros: true}
  - linear_model.LinearRegression:
      {optimizer: {optim.SGD: {lr: 1.0}}, loss: {optim.losses.Absolute: {}}, intercept_lr: 0.0}
"""

SPEC = f"name: {MODEL}\ntask: regression\n{STEPS}features: {{id: category}}\npublish: {{publish}}\n"

OFTEN = "{every_events: 10, every: 200ms}"
"""The second is for the last few events, which are fewer than ten."""

MAX_BYTES = 1 << 30


def spec(publish: str = OFTEN) -> str:
    """The model's spec."""
    return SPEC.replace("{publish}", publish)


def event(number: int) -> NewEvent:
    """The event called `number`: the label is far away, so that each step is a whole one."""
    return NewEvent(f"e{number}", json.dumps({"features": {"id": f"e{number}"}, "label": 1e9}).encode())


class Feeder:
    """Appends events 0, 1, 2 … to the log, across a server that goes and comes."""

    def __init__(self, log: RemoteEventLog, seed: int) -> None:
        self._log = log
        self._rng = random.Random(seed)
        self.fed = 0

    async def feed(self, until: int, *, pause_s: float = 0.0, most: int = 40) -> None:
        """Append up to event `until` in lots of at most `most`, with pauses around `pause_s`."""
        while self.fed < until:
            lot = [event(n) for n in range(self.fed, min(until, self.fed + self._rng.randint(1, most)))]
            try:
                await self._log.append(MODEL, Stream.EXAMPLES, lot)
            except Unavailable:
                # It may have arrived: the same ids count once.
                await asyncio.sleep(0.05)
                continue
            self.fed += len(lot)
            await asyncio.sleep(pause_s * 2 * self._rng.random())

    @contextlib.asynccontextmanager
    async def feeding(self, until: int, **how: Any) -> AsyncIterator[asyncio.Task[None]]:
        """Feed while the block runs."""
        task = asyncio.create_task(self.feed(until, **how))
        try:
            yield task
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def offset_of(manifest: Manifest) -> int:
    """Where a version stands in the examples."""
    return manifest.positions.get(Stream.EXAMPLES, {}).get(0, 0)


async def head(client: ParameterClient) -> Manifest | None:
    """The newest version; None before the first, and while the server is away."""
    try:
        versions = await client.list_versions(MODEL, limit=1)
    except RiverrunError:
        return None
    return versions[0] if versions else None


async def reached(client: ParameterClient, offset: int, within_s: float = 180.0) -> Manifest:
    """The newest version, once it stands at `offset` of the examples or further; raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while True:
            newest = await head(client)
            if newest is not None and offset_of(newest) >= offset:
                return newest
            await asyncio.sleep(0.01)


async def model_of(client: ParameterClient, manifest: Manifest, spec_yaml: str) -> Any:
    """The River model that a version holds."""
    pulled = await client.pull(
        manifest.model, version=manifest.version, trainer_state=True, max_bytes=MAX_BYTES
    )
    sides = [decode_side(side, max_bytes=MAX_BYTES).changed for side in (pulled.serving, pulled.trainer)]
    state = State(sides[0], sides[1], manifest.next_unit)
    return live_model(parse_spec(spec_yaml), state, (manifest.serving_root, manifest.trainer_root))


async def counts(client: ParameterClient, manifest: Manifest) -> Mapping[str, float]:
    """How often each event was learned by this version."""
    weights = (await model_of(client, manifest, spec()))["LinearRegression"].weights
    return {name.removeprefix("id_"): float(weight) for name, weight in weights.items()}


async def logged(log: RemoteEventLog, stream: Stream = Stream.EXAMPLES) -> list[LoggedEvent]:
    """All events of a stream."""
    reading = log.read(MODEL, stream, {}, follow=False, limit=10_000)
    return [one async for batch in reading for one in batch]


async def not_set_aside(log: RemoteEventLog) -> list[LoggedEvent]:
    """All examples but those at which three trainers ended, as if it had been their doing."""
    aside = {one.event_id for one in await logged(log, Stream.DEAD_LETTERS)}
    return [one for one in await logged(log) if letter_of(one) not in aside]


def letter_of(event: LoggedEvent) -> str:
    """The id of the letter that an example becomes where it is set aside."""
    return f"dlq:examples:{event.offset}"


async def judge(
    client: ParameterClient, events: Sequence[LoggedEvent], manifests: Iterable[Manifest]
) -> list[Problem]:
    """What is wrong with these versions: an event learned twice, skipped, or ahead of the position."""
    problems = []
    for manifest in manifests:
        found = await counts(client, manifest)
        position = offset_of(manifest)
        expected = {one.event_id for one in events if one.offset < position}
        at = f"version {manifest.version} at offset {position}"
        problems += [Problem("twice", f"{name} {n:g} times in {at}") for name, n in found.items() if n > 1]
        problems += [Problem("skipped", f"{name} in {at}") for name in expected - found.keys()]
        problems += [Problem("ahead", f"{name} in {at}") for name in found.keys() - expected]
        if manifest.examples != len(expected):
            problems.append(Problem("miscounted", f"{manifest.examples} examples in {at}"))
    return problems


async def all_versions(client: ParameterClient) -> list[Manifest]:
    """Every version that is kept, oldest first."""
    versions: list[Manifest] = []
    before = 0
    while page := await client.list_versions(MODEL, limit=1000, before=before):
        versions += page
        before = page[-1].version
    versions.reverse()
    return versions


def judge_chain(versions: Sequence[Manifest]) -> list[Problem]:
    """What is wrong with a line as a whole: a version stored twice, a position or an epoch that goes back."""
    problems = []
    if len({one.push_id for one in versions}) < len(versions):
        problems.append(Problem("stored-twice", "two versions of one push"))
    for one, after in itertools.pairwise(versions):
        if (after.version, after.parent) != (one.version + 1, one.version):
            problems.append(Problem("gap", f"version {after.version} after {one.version}"))
        if after.epoch < one.epoch or offset_of(after) < offset_of(one):
            problems.append(Problem("went-back", f"version {after.version} after {one.version}"))
    return problems
