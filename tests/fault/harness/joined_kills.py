"""Runs in which examples come from joins, through a pod, while pod, trainer and parameter server are killed.

The model counts events (see `ledger`): what was learned is held against what the log holds and what callers
were told.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from riverrun.core.events import LoggedEvent, Stream
from riverrun.core.versions import Manifest
from tests.fault.harness import ledger
from tests.fault.harness.links import Gone, Link
from tests.fault.harness.oracle import Problem
from tests.fault.harness.pod import Pod
from tests.fault.harness.process import Setup
from tests.fault.harness.proxy import Proxy
from tests.fault.harness.trainer import TrainerRig
from tests.fault.harness.trainer_kills import telling, until_busy

CALLERS = 12
VERSIONS_BETWEEN = 5
PAUSE_S = 0.02
FAR = 1e9
"""The label: so far away that each step is a whole one."""

SPEC = ledger.spec("{continuous: true, budget: 100%}") + "label: {window: 12h}\n"
"""No window ends within a run."""


@dataclass
class Told:
    """What callers asked for and were told, by the ids of predictions."""

    predicted: set[str] = field(default_factory=set)
    """Answered once the prediction was on disk."""

    labelled: set[str] = field(default_factory=set)
    """Their labels, with their features or without, were accepted."""

    featured: set[str] = field(default_factory=set)
    """Of these a label with its features was."""

    begun: set[str] = field(default_factory=set)
    asking: int = 0


class Callers:
    """Callers who predict by id and say later what came of it, and ask again until they are told."""

    def __init__(self, pods: Proxy, seed: int) -> None:
        self.told = Told()
        self.stopping = False
        self._pods = pods
        self._rng = random.Random(seed)
        self._numbers = itertools.count()

    async def run(self, most: int) -> None:
        """Go on until `stopping`, but not before `most` predictions were begun; all are told of all."""
        await asyncio.gather(*(self._caller(most) for _ in range(CALLERS)))

    async def _caller(self, most: int) -> None:
        with contextlib.closing(Link(self._pods.address)) as link:
            for number in self._numbers:
                if self.stopping and number >= most:
                    return
                await self._life(link, f"e{number}")

    async def _life(self, link: Link, name: str) -> None:
        """One prediction and its label, in one of the orders in which they come."""
        told, kind = self.told, self._rng.random()
        told.begun.add(name)
        predict: dict[str, Any] = {"id": name, "features": {"id": name}, "durable": kind < 0.8}
        label: dict[str, Any] = {"id": name, "label": FAR}
        if kind < 0.2:
            # The label is there before its prediction.
            await self._accepted(link, label)
        if kind < 0.9:
            await self._ask(link, "predict", 200, predict)
            if predict["durable"]:
                told.predicted.add(name)
        if 0.2 <= kind < 0.4:
            # Nobody ever says what came of it.
            return
        await asyncio.sleep(self._rng.uniform(0, 2 * PAUSE_S))
        if kind >= 0.6 and self._rng.random() < 0.2:
            await self._accepted(link, label | {"features": {"id": name}})
            told.featured.add(name)
        for _ in range(1 + (self._rng.random() < 0.2)):
            await self._accepted(link, label)

    async def _accepted(self, link: Link, body: Mapping[str, Any]) -> None:
        await self._ask(link, "feedback", 202, body)
        self.told.labelled.add(body["id"])

    async def _ask(self, link: Link, verb: str, good: int, body: Mapping[str, Any]) -> None:
        path, sent = f"/v1/models/{ledger.MODEL}:{verb}", json.dumps(body).encode()
        self.told.asking += 1
        while True:
            with contextlib.suppress(OSError, Gone):
                status, answer = await link.ask("POST", path, sent)
                if status == good:
                    break
                # 504: a pod that stood still, which may have carried it out; the same id counts once.
                assert status in (503, 504), (status, answer)
            await asyncio.sleep(PAUSE_S)
        self.told.asking -= 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to. `asking` says of each kill how many calls were on their way."""

    kills: int
    asking: list[int]
    learned: int
    joined: int
    problems: list[Problem]


async def killed_while_joining(
    folder: Path, seed: int, *, events: int, rounds: int, mutant: str = "", within_s: float = 180.0
) -> Outcome:
    """Kill each part `rounds` times, in random order, while at least `events` predictions come; then judge
    what is learned `within_s`. The trainers are `mutant` where one is named."""
    rng = random.Random(seed)
    victims = ["trainer", "server", "pod"] * rounds
    rng.shuffle(victims)
    setup = telling(Setup(mutant=mutant))
    pods, asking = Proxy(""), []
    async with TrainerRig(folder).running() as rig, pods.listening(), contextlib.AsyncExitStack() as stack:
        await rig.register(SPEC)
        trainer, pod = rig.trainer(setup), await _pod(rig, folder, 0, pods, stack)
        callers = Callers(pods, seed)
        calling = asyncio.create_task(callers.run(events))
        stack.callback(calling.cancel)
        for number, victim in enumerate(victims, 1):
            await until_busy(trainer, VERSIONS_BETWEEN)
            await asyncio.sleep(rng.uniform(0, 0.1))
            asking.append(callers.told.asking)
            match victim:
                case "trainer":
                    trainer.kill()
                    trainer = rig.trainer(setup)
                case "server":
                    await rig.restart_server()
                case _:
                    pod.kill()
                    pod = await _pod(rig, folder, number, pods, stack)
        callers.stopping = True
        await calling
        head, expected, events_by = await _settled(rig, callers.told, within_s)
        versions = await ledger.all_versions(rig.client)
        looked_at = [*sorted(rng.sample(versions, min(10, len(versions))), key=lambda v: v.version), head]
        problems = ledger.judge_chain(versions)
        problems += await _judged(rig, looked_at, expected, callers.told, events_by)
    joined = len(expected - callers.told.featured)
    return Outcome(len(victims), asking, head.examples, joined, problems)


async def _pod(
    rig: TrainerRig, folder: Path, number: int, pods: Proxy, stack: contextlib.AsyncExitStack
) -> Pod:
    """A pod that starts now; callers reach it once it is ready."""
    pod = Pod(rig.link.address, folder / f"pod-{number}.log", environment={"CACHE_DIR": str(folder / "pod")})
    stack.callback(pod.kill)
    await pod.ready()
    pods.target = pod.rest
    return pod


async def _settled(
    rig: TrainerRig, told: Told, within_s: float
) -> tuple[Manifest, set[str], Mapping[Stream, list[LoggedEvent]]]:
    """The newest version once it has as many examples as it must, or `within_s` is over; and which those
    are: predictions that are in the log, told of or not, of which a label was accepted."""
    until = asyncio.get_running_loop().time() + within_s
    while True:
        events = {stream: await ledger.logged(rig.log, stream) for stream in Stream}
        logged = {one.event_id for one in events[Stream.PREDICTIONS]}
        expected = (logged & told.labelled) | told.featured
        head = await ledger.head(rig.client)
        if head is not None and (head.examples == len(expected) or asyncio.get_running_loop().time() > until):
            return head, expected, events
        await asyncio.sleep(0.2)


async def _judged(
    rig: TrainerRig,
    manifests: list[Manifest],
    expected: set[str],
    told: Told,
    events: Mapping[Stream, list[LoggedEvent]],
) -> list[Problem]:
    """What is wrong: an example lost, invented or doubled, in the newest version or on the way to it."""
    problems = [Problem("set-aside", one.event_id) for one in events[Stream.DEAD_LETTERS]]
    logged = {one.event_id for one in events[Stream.PREDICTIONS]}
    problems += [Problem("prediction-lost", name) for name in told.predicted - logged]
    before: set[str] = set()
    for manifest in manifests:
        counts = await ledger.counts(rig.client, manifest)
        at = f"version {manifest.version}"
        problems += [Problem("twice", f"{name} {n:g} times in {at}") for name, n in counts.items() if n != 1]
        problems += [Problem("invented", f"{name} in {at}") for name in counts.keys() - expected]
        problems += [Problem("unlearned", f"{name} in {at}") for name in before - counts.keys()]
        if manifest.examples != len(counts):
            problems.append(Problem("miscounted", f"{manifest.examples} examples in {at}"))
        before = set(counts)
    problems += [Problem("lost", name) for name in expected - before]
    return problems
