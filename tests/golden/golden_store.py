"""Data folders as released forms of the store left them, and what each must answer for ever.

``python -m tests.golden.golden_store N`` (from the root of the tree) writes ``tests/golden/store-N`` with the
program as it is: once for each store format, when it is released, and never again. `answers` is what the
test compares: everything that a caller can be told of a store, its id left out.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
import time
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
from riverrun_param_server.app import running
from riverrun_param_server.settings import ParamServerSettings

from riverrun.codec.wire import decode_side
from riverrun.core.events import LoggedEvent, NewEvent, Stream
from riverrun.core.units import SideDelta
from riverrun.rpc.channels import open_channel
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.trainer_session import open_session
from tests.integration.param_server.param_stack import (
    OTHER_POLICY,
    SPEC,
    Stack,
    Units,
    a_push,
    change,
)

FOLDER = Path(__file__).parent
DATA = "data"
ANSWERS = "answers.json"

LARGE = 70_000
"""Over what a row holds: such a body gets a file."""


LATER = ("experiments", "retrain", "since_ns")
"""Of a model or a line, told since."""


class Then:
    """The clock of the day on which all this happened, so that nothing has grown old since."""

    def monotonic(self) -> float:
        return time.monotonic()

    def wall_ns(self) -> int:
        return 1_795_000_000 * 10**9


@contextlib.asynccontextmanager
async def opened(data: Path) -> AsyncIterator[Stack]:
    """A server over `data`."""
    settings = ParamServerSettings(port=0, http_port=0, data=data)
    async with running(settings, clock=Then()) as server:
        channel = open_channel(f"127.0.0.1:{server.port}")
        try:
            # First, so that no call's deadline goes by meanwhile.
            await asyncio.wait_for(channel.channel_ready(), 60)
            yield Stack(server, ParameterClient(channel), settings)
        finally:
            await channel.close()


async def write(stack: Stack) -> None:
    """A life in short: two lines, a hold, a good mark, large and small bodies, a deleted model, events."""
    await _events(stack)
    units = Units()
    await _push(stack, units, line=1, bases=range(8))
    await stack.client.set_channel("flights", "live", hold_version=3, mark_good=True)
    await stack.client.set_channel("flights", "shadow", hold_version=5)
    await stack.client.register_model(OTHER_POLICY, base_spec_revision=1)
    line = await stack.client.reset("flights", 6, replay=False)
    at_six = Units({}, {}, 0)
    for base in range(6):
        _change(at_six, base)
    await _push(stack, at_six, line=line.number, bases=(6, 9, 10))
    await stack.client.set_channel("flights", "live", follow=True)
    await stack.client.register_model(SPEC.replace("flights", "gone"))
    await stack.client.delete_model("gone")


async def answers(stack: Stack) -> dict[str, Any]:
    """Everything that a caller can be told of the store behind `stack`."""
    models = []
    for info in await stack.client.list_models():
        versions = await stack.client.list_versions(info.name, limit=1000)
        models.append(
            {
                "model": _without_later(_plain(info)),
                "versions": [_plain(manifest) for manifest in versions],
                "weights": {
                    str(manifest.version): await _weights(stack, info.name, manifest.version)
                    for manifest in versions
                },
            }
        )
    events = {
        stream.value: [_event(event) async for event in _read(stack, stream)]
        for stream in Stream
        if ("flights", stream) in stack.running.event_log.streams.names()
    }
    again = await stack.running.event_log.append("flights", Stream.EXAMPLES, _examples(0, 12))
    other = [NewEvent("example-3", b"another", fingerprint=b"other")]
    again += await stack.running.event_log.append("flights", Stream.EXAMPLES, other)
    return {"models": models, "events": events, "known_ids": [_plain(one) for one in again]}


def _change(units: Units, base: int) -> tuple[SideDelta, SideDelta]:
    rng = random.Random(base)
    serving = change(0, base + 1, to=b"version %d" % base)
    if base in (1, 5):
        serving = SideDelta({2: rng.randbytes(LARGE)})
    trainer = SideDelta({1000 + base: rng.randbytes(20)})
    serving.apply_in_place(units.serving)
    trainer.apply_in_place(units.trainer)
    return serving, trainer


async def _push(stack: Stack, units: Units, *, line: int, bases: Any) -> None:
    async with open_session(stack.client, "flights", line, "golden") as session:
        for count, base in enumerate(bases):
            serving, trainer = _change(units.copy(), base)
            push = a_push(
                units,
                base=base,
                epoch=session.opened.epoch,
                line=line,
                serving=serving,
                trainer=trainer,
                positions={Stream.EXAMPLES: {0: count}},
            )
            await stack.client.push(push)


def _examples(start: int, end: int) -> list[NewEvent]:
    return [
        NewEvent(f"example-{n}", b'{"features": {"distance": %d}, "label": true}' % n, fingerprint=b"true")
        for n in range(start, end)
    ]


async def _events(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    log = stack.running.event_log
    await log.append("flights", Stream.EXAMPLES, _examples(0, 12))
    await log.append("flights", Stream.EXAMPLES, [NewEvent("", b"no id", time_ns=10**18)])
    await log.append("flights", Stream.LABELS, [NewEvent(f"label-{n}", b"%d" % n) for n in range(5)])
    await log.append("flights", Stream.PREDICTIONS, [NewEvent("größe", bytes(range(256)))])
    await log.append("flights", Stream.DEAD_LETTERS, [NewEvent("dlq:examples:4", b"why")])
    with patch("riverrun.events.embedded.archiver.WAIT_S", 0.0):
        await log.retention.archive(
            "flights", Stream.EXAMPLES, below=9, received_before_ns=Then().wall_ns() + 1
        )
    await log.trim("flights", Stream.EXAMPLES, {0: 2})
    await log.trim("flights", Stream.LABELS, {0: 5})


async def _read(stack: Stack, stream: Stream) -> Any:
    log = stack.running.event_log
    async with contextlib.aclosing(log.read("flights", stream, {}, follow=False)) as batches:
        async for batch in batches:
            for event in batch:
                yield event


async def _weights(stack: Stack, model: str, version: int) -> str:
    """The sha256 of both sides of a version: what `pull` hands out, decoded and in order."""
    pulled = await stack.client.pull(model, version=version, trainer_state=True)
    hashed = sha256()
    for side in (pulled.serving, pulled.trainer):
        units = decode_side(side, max_bytes=1 << 30).apply({})
        for number, payload in sorted(units.items()):
            hashed.update(b"%d:%d:%b" % (number, len(payload), payload))
    return hashed.hexdigest()


def _event(event: LoggedEvent) -> list[Any]:
    body = sha256(event.body).hexdigest()
    return [event.offset, event.event_id, event.time_ns, event.received_ns, body]


def _plain(value: Any) -> Any:
    found = msgspec.to_builtins(value, enc_hook=_named)
    return json.loads(json.dumps(found))


def _without_later(model: dict[str, Any]) -> dict[str, Any]:
    """`model` without what no release could tell when its store was written, where there is nothing of it."""
    for told in (model, *model["lines"]):
        for name in LATER:
            if name in told and not told[name]:
                del told[name]
    return model


def _named(value: Any) -> Any:
    return value.value


async def _main(name: str) -> None:
    folder = FOLDER / name
    folder.mkdir()
    async with opened(folder / DATA) as stack:
        await write(stack)
    # A start of its own, so that nothing is told from memory.
    async with opened(folder / DATA) as stack:
        found = await answers(stack)
    (folder / ANSWERS).write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    asyncio.run(_main(f"store-{int(sys.argv[1])}"))
