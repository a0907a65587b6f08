"""A stored folder, damaged and opened, over and over, in a process of its own (which may be a mutant).

``python -m tests.fault.harness.damage FOLDER KIND COUNT SEED`` opens copies of FOLDER, each with one bit
flipped or one file cut short, and prints one JSON document: how many openings were refused, how many
answered exactly as before, and each that did neither.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import structlog
from riverrun_param_server.app import running
from riverrun_param_server.settings import ParamServerSettings

from riverrun.core.errors import DigestMismatch, RiverrunError
from riverrun.core.events import Stream
from riverrun.rpc.channels import open_channel
from riverrun.rpc.event_log import RemoteEventLog
from riverrun.rpc.params_client import ParameterClient
from riverrun.runtime.sqlite.store_format import WrongFormat

Damage = Callable[[Path], str]
"""Damages a folder; says where."""

TAIL_BYTES = 8192
"""The newest two pages of a database, and more than the newest row of any file."""


async def everything(folder: Path) -> tuple[object, ...]:
    """All that a client can be told of the store in `folder`."""
    async with running(ParamServerSettings(data=folder, port=0, http_port=0)) as server:
        channel = open_channel(f"127.0.0.1:{server.port}")
        try:
            return tuple([answer async for answer in _answers(channel)])
        finally:
            await channel.close()


async def _answers(channel: grpc.aio.Channel) -> AsyncIterator[object]:
    client, log = ParameterClient(channel), RemoteEventLog(channel)
    for info in await client.list_models():
        versions = await client.list_versions(info.name, limit=1000)
        yield info, versions
        for manifest in versions:
            for have in {0, manifest.parent}:
                pulled = await client.pull(
                    info.name, version=manifest.version, have_version=have, trainer_state=True
                )
                # A damaged id beside the database makes a store of a new id, which is how readers know.
                yield replace(pulled, store_id="")
        async for batch in log.read(info.name, Stream.LABELS, {}, follow=False):
            yield batch


def flips(folder: Path, count: int, rng: random.Random) -> Iterator[Damage]:
    """Single bits: half of them anywhere, half in a file chosen first, so that small files get theirs."""
    files = _files(folder)
    sizes = [(folder / name).stat().st_size for name in files]
    for number in range(count):
        name = rng.choice(files) if number % 2 else rng.choices(files, sizes)[0]
        at, bit = rng.randrange((folder / name).stat().st_size), rng.randrange(8)
        yield lambda copy, name=name, at=at, bit=bit: _flip(copy, name, at, bit)  # type: ignore[misc]


def cuts(folder: Path, count: int, rng: random.Random) -> Iterator[Damage]:
    """Files cut short within their newest bytes: at `count` places of each, of large bodies only of two."""
    files = _files(folder)
    bodies = [name for name in files if name.startswith("bodies")]
    for name in sorted({*files} - {*bodies[2:]}):
        size = (folder / name).stat().st_size
        places = range(max(0, size - TAIL_BYTES), size)
        for at in sorted(rng.sample(places, min(count, len(places)))):
            yield lambda copy, name=name, at=at: _cut(copy, name, at)  # type: ignore[misc]


async def run(folder: Path, kind: str, count: int, seed: int) -> dict[str, Any]:
    """Damage and open copies of `folder`; what came of it."""
    damages = (flips if kind == "flips" else cuts)(folder, count, random.Random(seed))
    refused, same, wrong = 0, 0, []
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        copy = Path(place) / "copy"
        whole = await _opened(folder, copy, lambda _: "")
        for damage in damages:
            where = ""
            try:
                where, answers = await _opened(folder, copy, damage)
            except (DigestMismatch, WrongFormat):
                refused += 1
            except RiverrunError as error:
                # Found only as it was read, and said so.
                refused += 1
                wrong += [] if isinstance(error, DigestMismatch) else [f"unnamed: {error!r}"]
            except Exception as error:  # anything else is what is looked for
                wrong.append(f"unnamed: {error!r}")
            else:
                if answers == whole[1]:
                    same += 1
                else:
                    wrong.append(f"silent: {where}")
    return {"refused": refused, "same": same, "wrong": wrong[:50], "wrong_count": len(wrong)}


async def _opened(folder: Path, copy: Path, damage: Damage) -> tuple[str, tuple[object, ...]]:
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    return damage(copy), await everything(copy)


def _files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and p.stat().st_size)


def _flip(folder: Path, name: str, at: int, bit: int) -> str:
    with (folder / name).open("r+b") as file:
        file.seek(at)
        (value,) = file.read(1)
        file.seek(at)
        file.write(bytes([value ^ (1 << bit)]))
    return f"{name} byte {at} bit {bit}"


def _cut(folder: Path, name: str, at: int) -> str:
    with (folder / name).open("r+b") as file:
        file.truncate(at)
    return f"{name} cut at {at}"


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    _folder, _kind, _count, _seed = sys.argv[1:]
    print(json.dumps(asyncio.run(run(Path(_folder), _kind, int(_count), int(_seed)))))
