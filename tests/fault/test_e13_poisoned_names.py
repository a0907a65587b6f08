"""E13: names and ids of callers' own break no line of a log, forge none, flood none, and make no series."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import grpc
import pytest

from riverrun.core.errors import RiverrunError
from riverrun.core.events import NewEvent, Stream
from riverrun.rpc.channels import open_channel
from riverrun.rpc.event_log import RemoteEventLog
from riverrun.rpc.trainer_session import open_session
from riverrun.runtime.logs import MAX_FIELD
from tests.fault.harness.answers import INFER, MODEL, request_for
from tests.fault.harness.callers import PATIENT
from tests.fault.harness.links import Gone, Link, get
from tests.fault.harness.pod import Pod
from tests.fault.harness.process import DEADLINE_S, Setup
from tests.fault.harness.serving_rig import SPEC, Rig
from tests.fault.harness.trainer import TrainerProcess
from tests.unit.runtime.poison import FORGED, odd_name

LEARNED, NOBODYS = "learned", "nobodys"
"""Models beside the hand's: one that the trainer learns, and one that a session may be opened for."""

SERIES = 1_000


async def send_to_pod(pod: Pod, names: Iterator[str]) -> None:
    """As models, versions, ids, keys, features and labels."""
    async with grpc.aio.insecure_channel(pod.grpc) as channel:
        infer = channel.unary_unary(INFER)
        with contextlib.closing(Link(pod.rest)) as link:
            for name in names:
                row = {"features": {name: 1.0, "rooms": name}, "id": name, "key": name, "label": name}
                named = (f"{quote(name)}:predict", f"{MODEL}/versions/{quote(name)}:predict")
                for path in (*named, f"{MODEL}:predict", f"{MODEL}:feedback"):
                    # What is too large may be refused while it is still being sent.
                    with contextlib.suppress(Gone, OSError):
                        await link.ask("POST", f"/v1/models/{path}", json.dumps(row).encode())
                request = request_for([0])
                request.model_name = request.model_version = request.id = name
                await infer(request.SerializeToString(), timeout=DEADLINE_S).code()


async def send_to_store(rig: Rig, names: Iterator[str]) -> int:
    """As models, trainers and events, which the trainer reads; how many events."""
    events = 0
    async with open_channel(rig.address) as channel:
        log = RemoteEventLog(channel, deadline_s=DEADLINE_S)
        for name in names:
            with contextlib.suppress(RiverrunError):
                await rig.client.register_model(SPEC.replace(MODEL, json.dumps(name)))
            with contextlib.suppress(RiverrunError):
                async with open_session(rig.client, NOBODYS, 1, name):
                    pass
            with contextlib.suppress(RiverrunError):
                await log.append(name, Stream.EXAMPLES, [NewEvent(name, b"{}")])
            bodies = [{name: 1}, {"features": {name: 1.0}, "label": name}]
            found = [NewEvent(f"{name}-{n}"[:200], json.dumps(one).encode()) for n, one in enumerate(bodies)]
            with contextlib.suppress(RiverrunError):
                appended = await log.append(LEARNED, Stream.EXAMPLES, found)
                # Of long names the ids are cut to one and the same.
                events += sum(not (one.refused or one.duplicate) for one in appended)
    return events


def misread(said: str) -> list[str]:
    """The lines that are no JSON, that somebody else wrote, or that have a field over its bound."""
    wrong = []
    for line in said.split("\n")[:-1]:
        try:
            fields = json.loads(line)
        except ValueError:
            wrong.append(line[:500])
            continue
        sizes = [len(json.dumps(value)) for value in fields.values()]
        if fields["event"] == FORGED or max(sizes) > MAX_FIELD + 8:
            wrong.append(line[:500])
    return wrong


@pytest.mark.row("E13")
async def test_names_of_callers_break_no_log_and_make_no_series(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    to_pod, to_store = (25_000, 500) if release else (250, 25)
    chance = random.Random(seed)
    async with Rig(folder, seed).running() as rig:
        for model in (LEARNED, NOBODYS):
            await rig.client.register_model(SPEC.replace(MODEL, model))
        # A session is one trainer's at a time: of the other model they are this test's.
        only = Setup(environment={"RIVERRUN_TRAINER_MODELS": LEARNED})
        trainer = TrainerProcess(rig.address, folder / "trainer.log", only)
        try:
            # Nobody trains the other one, and a pod waits for what it serves.
            pod = await rig.pod(**PATIENT, MODELS=f"{MODEL},{LEARNED}").ready()
            await send_to_pod(pod, (odd_name(chance, number) for number in range(to_pod)))
            events = await send_to_store(rig, (odd_name(chance, number) for number in range(to_store)))
            async with open_channel(rig.address) as channel:
                letters = await _dead_letters(RemoteEventLog(channel, deadline_s=DEADLINE_S), events)
            _, exposed = await get(pod.rest, "/metrics")
            logs = {"pod": pod.said(), "parameter server": rig.server.said(), "trainer": trainer.said()}
            alive = [pod.process.poll(), rig.server.process.poll(), trainer.process.poll()]
        finally:
            trainer.kill()

    wrong = {name: misread(said) for name, said in logs.items()}
    series = sum(not line.startswith("#") for line in exposed.decode().splitlines())
    figures |= {
        "names over REST and gRPC": 5 * to_pod,
        "to the parameter server": 4 * to_store,
        "seed": seed,
        "dead letters of the trainer": letters,
        "lines logged": ", ".join(f"{said.count(chr(10))} by the {name}" for name, said in logs.items()),
        "broken, forged or too long": sum(map(len, wrong.values())),
        "series of a pod": series,
    }
    assert not any(wrong.values()), wrong
    # What was forged did get as far as the logs.
    assert FORGED in logs["parameter server"]
    assert FORGED in logs["trainer"]
    assert series <= SERIES
    assert letters == events
    assert alive == [None, None, None]


async def _dead_letters(log: RemoteEventLog, count: int) -> int:
    """How many the trainer wrote, once there are `count`."""
    found = 0
    async for events in log.read(LEARNED, Stream.DEAD_LETTERS, {}, follow=True):
        found += len(events)
        if found >= count:
            break
    return found
