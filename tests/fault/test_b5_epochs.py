"""B5: an epoch is granted once, wherever the parameter server ends while it grants it."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
import stamina

from riverrun.core.errors import RiverrunError, Unavailable
from riverrun.rpc.channels import open_channel
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.trainer_session import open_session
from tests.fault.harness import ledger
from tests.fault.harness.oracle import Problem
from tests.fault.harness.process import DEADLINE_S
from tests.fault.harness.server import DidNotStart, ServerProcess, Setup
from tests.fault.harness.size import in_pieces
from tests.fault.harness.tally import Tally
from tests.fault.mutants.table import Mutant, of_row

STEPS = ("commit.before-write", "commit.half-written", "commit.after-write", "commit.after-fsync")
OPENERS = 4


class Epochs:
    """The epochs that anybody was told, in the order of hearing."""

    def __init__(self) -> None:
        self.told: list[int] = []
        self.asking = 0
        self.problems: list[Problem] = []

    async def keep_opening(self, server: ServerProcess, address: str, trainer_id: str) -> None:
        """Open one session after the other under one id, until the server has gone."""
        async with open_channel(address) as channel:
            client = ParameterClient(channel)
            while server.running:
                self.asking += 1
                try:
                    async with open_session(client, ledger.MODEL, 1, trainer_id) as session:
                        self._hear(session.opened.epoch)
                except Unavailable:
                    # It has gone, or a connection took longer than a busy machine lets it.
                    await asyncio.sleep(0.01)
                except RiverrunError:
                    return
                finally:
                    self.asking -= 1

    def _hear(self, epoch: int) -> None:
        if epoch in self.told:
            self.problems.append(Problem("epoch-repeated", f"{epoch} again"))
        elif self.told and epoch < max(self.told) - OPENERS:
            # Those that ask at the same time may hear in another order than they were granted in.
            self.problems.append(Problem("epoch-went-back", f"{epoch} after {max(self.told)}"))
        self.told.append(epoch)


async def acquire_and_kill(folder: Path, seed: int, kills: int, mutant: str = "") -> Tally:
    """Kill the server while sessions are acquired: at random, and by turns inside the step that grants."""
    rng = random.Random(seed)
    tally, epochs = Tally("kill -9 during acquire", seed), Epochs()
    for number in range(kills):
        failpoint = f"{rng.choice(STEPS)}:{rng.randint(3, 30)}" if number % 2 and not mutant else ""
        server = ServerProcess(folder / "data", folder / "log", Setup(mutant, failpoint))
        try:
            address = await server.address()
            async with open_channel(address) as channel:
                async for attempt in stamina.retry_context(on=Unavailable, timeout=DEADLINE_S):
                    with attempt:
                        await ParameterClient(channel).register_model(ledger.spec())
            before = len(epochs.told)
            highest = max(epochs.told, default=0)
            tasks = [
                asyncio.create_task(epochs.keep_opening(server, address, f"opener-{n}-{number}"))
                for n in range(OPENERS)
            ]
            if failpoint:
                await server.ended(120)
            else:
                async with asyncio.timeout(120):
                    # A mutant may turn them all away.
                    while len(epochs.told) < before + OPENERS and not all(task.done() for task in tasks):
                        await asyncio.sleep(0.001)
                await asyncio.sleep(rng.uniform(0, 0.05))
            # A failpoint lies inside the grant.
            tally.in_flight += bool(failpoint) or epochs.asking > 0
            server.kill()
            await asyncio.gather(*tasks)
            tally.faults += 1
            fresh = epochs.told[before:]
            if fresh and min(fresh) <= highest:
                epochs.problems.append(Problem("epoch-repeated", f"{min(fresh)} after {highest}"))
        except DidNotStart as refusal:
            epochs.problems.append(Problem("start-refused", str(refusal)))
        finally:
            server.kill()
        if epochs.problems:
            break
    tally.acked, tally.problems = len(epochs.told), epochs.problems
    return tally


@pytest.mark.row("B5")
@in_pieces(2)
async def test_epochs_never_repeat_and_only_rise(
    piece: int, folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    tally = await acquire_and_kill(folder, seed + piece, 100 if release else 20)

    figures |= {
        tally.fault: tally.faults,
        "seed": seed + piece,
        "epochs that were told": tally.acked,
        "with a session being acquired": f"{tally.in_flight_share:.0%}",
        "broken promises": len(tally.problems),
    }
    assert not tally.problems, tally.problems[:5]
    assert tally.in_flight_share >= 0.3
    assert tally.acked >= 4 * tally.faults


@pytest.mark.row("mutants")
@pytest.mark.parametrize("mutant", of_row("B5"), ids=str)
async def test_kills_during_acquire_catch(
    mutant: Mutant, folder: Path, seed: int, figures: dict[str, Any]
) -> None:
    tally = await acquire_and_kill(folder, seed, 5, mutant.patch)

    figures |= mutant.caught_by(tally)
    assert figures["caught as"]
