"""A4: damage of files is refused by name, or changes nothing; it is never served."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest

from tests.fault.harness.line import Sizes
from tests.fault.harness.load import Fleet, Profile
from tests.fault.harness.mutation import mutated
from tests.fault.harness.oracle import Oracle
from tests.fault.harness.server import DidNotStart, ServerProcess
from tests.fault.mutants.table import Mutant, of_row

FLIPS_OF_MUTANTS = 60

SMALL = Profile(pushers=2, watchers=1, appenders=1, sizes=Sizes(small=200, large=70_000, large_share=0.1))


@pytest.fixture
async def store(folder: Path, seed: int) -> Path:
    """A stored folder with small and large versions, a snapshot and labels, stopped cleanly."""
    server = ServerProcess(folder / "store", folder / "log")
    try:
        fleet = Fleet(Oracle(), SMALL, random.Random(seed))
        async with fleet.at(await server.address()):
            # Now and then none of sixty pushes is a large one.
            while len(fleet.oracle.acked) < 60 or not any((folder / "store").glob("bodies/*/*")):
                await asyncio.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        assert await server.ended(60) == 0
    finally:
        server.kill()
    return folder / "store"


async def damaged(store: Path, kind: str, count: int, seed: int, mutant: str = "") -> dict[str, Any]:
    """What `harness.damage` finds, in a process that may be a mutant."""
    environment = mutated({**os.environ, "PYTHONHASHSEED": "1"}, mutant)
    command = [sys.executable, "-m", "tests.fault.harness.damage", str(store), kind, str(count), str(seed)]
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=PIPE, stderr=PIPE)
    try:
        said, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, complaint.decode()[-2000:]
    found: dict[str, Any] = json.loads(said)
    print(f"seed {seed}: {kind}: {found}")
    return found


@pytest.mark.row("A4")
@pytest.mark.parametrize(("kind", "ci", "full"), [("flips", 200, 2000), ("cuts", 10, 150)])
async def test_damage_is_refused_or_changes_nothing(
    kind: str, ci: int, full: int, store: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    found = await damaged(store, kind, full if release else ci, seed)

    figures |= {
        kind: found["refused"] + found["same"] + found["wrong_count"],
        "seed": seed,
        "refused, naming the place": found["refused"],
        "answered exactly as before": found["same"],
        "served otherwise": found["wrong_count"],
    }
    assert found["wrong"] == []
    assert found["refused"] > 10


def with_a_lost_sector(store: Path, name: str) -> Path:
    """The file, with the 512 bytes that hold most turned to zeros."""
    file = next(store.glob("bodies/*/*")) if name == "bodies" else store / name
    content = bytearray(file.read_bytes())
    lost = min(range(0, len(content), 512), key=lambda at: content[at : at + 512].count(0))
    content[lost : lost + 512] = bytes(len(content[lost : lost + 512]))
    file.write_bytes(content)
    return file


@pytest.mark.row("A4")
@pytest.mark.parametrize("name", ["params.sqlite", "events.sqlite", "bodies"])
async def test_a_real_process_refuses_to_start_and_names_the_file(
    name: str, store: Path, figures: dict[str, Any]
) -> None:
    file = with_a_lost_sector(store, name)

    server = ServerProcess(store, store.parent / "log")
    try:
        with pytest.raises(DidNotStart) as refusal:
            await server.address()
    finally:
        server.kill()

    figures |= {"exit status": refusal.value.status}
    assert refusal.value.status not in (0, None)
    assert file.name in refusal.value.said


@pytest.mark.row("mutants")
@pytest.mark.parametrize("mutant", of_row("A4"), ids=str)
async def test_flipped_bits_catch(mutant: Mutant, store: Path, seed: int, figures: dict[str, Any]) -> None:
    found = await damaged(store, "flips", FLIPS_OF_MUTANTS, seed, mutant.patch)

    kinds = [wrong.partition(":")[0] for wrong in found["wrong"]]
    figures |= mutant.caught(kinds, f"{FLIPS_OF_MUTANTS} x flipped bit")
    assert figures["caught as"]
