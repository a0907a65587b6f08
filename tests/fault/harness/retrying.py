"""``python -m tests.fault.harness.retrying HOST:PORT CALLS``: a process that makes so many by the SDK."""

from __future__ import annotations

import asyncio
import contextlib
import sys

from riverrun.client import AsyncClient
from riverrun.core.errors import Unavailable

AT_ONCE = 20


async def call(address: str, calls: int) -> int:
    """Make the calls, some at once; how many were answered."""
    answered = 0
    left = iter(range(calls))
    async with AsyncClient(server="127.0.0.1:9", serving=f"http://{address}") as client:

        async def work() -> None:
            nonlocal answered
            for _ in left:
                with contextlib.suppress(Unavailable):
                    await client.predict("houses", {"rooms": 1, "size": 20.0})
                    answered += 1

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return answered


if __name__ == "__main__":
    print(asyncio.run(call(sys.argv[1], int(sys.argv[2]))), flush=True)
