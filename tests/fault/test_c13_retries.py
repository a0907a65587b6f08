"""C13: clients whose calls fail do not make it worse: retries stay within a tenth of the calls."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from dataclasses import dataclass
from typing import Any

import pytest

from riverrun.client.retries import PER_SECOND, RESERVE, SHARE
from tests.fault.harness.mutation import mutated
from tests.fault.mutants.table import Mutant, of_row

CALLS, RELEASE_CALLS = 1_500, 30_000
ANSWER = {"id": "x", "prediction": 1.0, "model_version": 1, "channel": "live", "age_seconds": 0.0}
GIVEN_UP_S = 300.0


@dataclass
class Failing:
    """A serving process of ours that fails half of what it is asked."""

    chance: random.Random
    attempts: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
                await reader.readexactly(length)
                self.attempts += 1
                fails = self.chance.random() < 0.5
                body = json.dumps({"error": "busy", "reason": "OVERLOADED"} if fails else ANSWER).encode()
                status = "503 Service Unavailable\r\nretry-after: 0" if fails else "200 OK"
                writer.write(
                    f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n"
                    f"content-length: {len(body)}\r\n\r\n".encode()
                    + body
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@dataclass(frozen=True)
class Amplified:
    """How many calls were made, how often they were tried, and what the budget allows for that."""

    calls: int
    attempts: int
    answered: int
    allowed: float


async def amplified(seed: int, calls: int, mutant: str = "") -> Amplified:
    """Let a process of the SDK's make `calls` against a server that fails half of them."""
    failing = Failing(random.Random(seed))
    server = await asyncio.start_server(failing.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    begun = time.monotonic()
    async with server, asyncio.timeout(GIVEN_UP_S):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.fault.harness.retrying", f"127.0.0.1:{port}", str(calls)),
            env=mutated(dict(os.environ), mutant),
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
    seconds = time.monotonic() - begun
    allowed = (1 + SHARE) * calls + RESERVE + PER_SECOND * seconds
    return Amplified(calls, failing.attempts, int(said.splitlines()[-1]), allowed)


@pytest.mark.row("C13")
async def test_half_of_all_calls_failing_makes_a_tenth_more_of_them(
    seed: int, release: bool, figures: dict[str, Any]
) -> None:
    found = await amplified(seed, RELEASE_CALLS if release else CALLS)

    figures |= {
        "calls": found.calls,
        "attempts": found.attempts,
        "allowed": int(found.allowed),
        "answered": found.answered,
    }
    assert found.calls < found.attempts <= found.allowed
    assert found.answered > 0.45 * found.calls


@pytest.mark.row("mutants")
@pytest.mark.parametrize("mutant", of_row("C13"), ids=str)
async def test_retries_catch(mutant: Mutant, seed: int, figures: dict[str, Any]) -> None:
    found = await amplified(seed, CALLS, mutant.patch)

    kinds = {"amplified"} if found.attempts > found.allowed else set()
    figures |= mutant.caught(kinds, f"{found.attempts} attempts of {found.calls} calls")
    assert figures["caught as"]
