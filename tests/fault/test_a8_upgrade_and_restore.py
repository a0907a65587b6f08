"""A8: files of every released form open and answer as they did; a backup restores to equal weights."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from riverrun.rpc.backups import receive_backup
from riverrun.rpc.channels import open_channel
from riverrun.rpc.params_client import ParameterClient
from tests.fault.harness.inspection import inspect
from tests.fault.harness.load import BUSY, Fleet
from tests.fault.harness.oracle import Found, Oracle
from tests.fault.harness.process import DEADLINE_S
from tests.fault.harness.server import ServerProcess
from tests.golden import golden_store

STORES = sorted(path.parent for path in golden_store.FOLDER.glob(f"store-*/{golden_store.ANSWERS}"))


@pytest.mark.row("A8")
async def test_every_released_form_opens_and_answers_as_it_did(folder: Path, figures: dict[str, Any]) -> None:
    for store in STORES:
        data = folder / store.name
        shutil.copytree(store / golden_store.DATA, data)
        async with golden_store.opened(data) as stack:
            assert await golden_store.answers(stack) == json.loads((store / golden_store.ANSWERS).read_text())

    figures |= {"forms": len(STORES)}
    assert STORES


@pytest.mark.row("A8")
async def test_a_backup_under_load_restores_to_equal_weights(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    rng, versions, rounds = random.Random(seed), 0, 10 if release else 2

    for number in range(rounds):
        place = folder / str(number)
        place.mkdir()
        promise, source = await _backed_up(place, rng)
        restored = await _restored(place, rng)
        versions += sum(len(model.versions) for model in restored.models.values())
        problems = [p for p in promise.check(restored) if p.kind != "never-sent"]
        # What was pushed while the backup was taken may be in it; it is then what the source has.
        assert not problems, problems[:10]
        assert differences(restored, source) == []

    figures |= {"backups": rounds, "seed": seed, "versions compared": versions, "other digests": 0}
    assert versions > 100 * rounds


async def _backed_up(place: Path, rng: random.Random) -> tuple[Oracle, Found]:
    """What was promised when the backup began, and what the server that was backed up held in the end."""
    server = ServerProcess(place / "data", place / "log")
    fleet = Fleet(Oracle(), BUSY, rng)
    try:
        address = await server.address()
        async with fleet.at(address):
            await fleet.under_way()
            while len(fleet.oracle.acked) < 200:
                await asyncio.sleep(0.01)
            promise = fleet.oracle.promise()
            channel = open_channel(address)
            await receive_backup(ParameterClient(channel), place / "backup", deadline_s=DEADLINE_S)
            await channel.close()
        return promise, await inspect(address, rng)
    finally:
        server.kill()


async def _restored(place: Path, rng: random.Random) -> Found:
    """What a server over the restored backup answers."""
    command = [sys.executable, "-m", "riverrun_param_server.offline", "restore"]
    command += [str(place / "backup"), str(place / "restored")]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    server = ServerProcess(place / "restored", place / "log")
    try:
        return await inspect(await server.address(), rng, sampled=20)
    finally:
        server.kill()


def differences(restored: Found, source: Found) -> list[str]:
    """Versions of `restored` that the source does not have just so."""
    known = {(name, m.version): m.digest for name, model in source.models.items() for m in model.versions}
    return [
        f"{name} version {m.version}"
        for name, model in restored.models.items()
        for m in model.versions
        if known.get((name, m.version)) != m.digest
    ]
