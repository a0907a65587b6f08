"""Starting, stopping and failing of a process, the same for every service."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog
import uvloop

log = structlog.get_logger()


class Stop:
    """The wish to stop, set once by a signal or a test; may be asked for early and more than once."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ask(self) -> None:
        """Ask to stop; repeating it changes nothing."""
        self._event.set()

    @property
    def asked(self) -> bool:
        """Whether stopping was asked for."""
        return self._event.is_set()

    async def wait(self) -> None:
        """Return once stopping was asked for."""
        await self._event.wait()


class NotFinished(Exception):
    """Stopping was asked for before the process had done what it was started for."""


def run_service(serve: Callable[[Stop], Awaitable[None]]) -> int:
    """Run `serve` until SIGTERM or SIGINT asks it to stop; the exit status for ``sys.exit``.

    0 when it stopped because it was asked to, 1 when it ended otherwise or raised `NotFinished`. A second
    signal ends the process at once.
    """
    _set_up_interpreter()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve_until_signal(serve))


def _set_up_interpreter() -> None:
    # A thread that comes back from the disk waits for the interpreter at most this long, not 5 ms.
    sys.setswitchinterval(0.0005)
    # What was imported lives as long as the process: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    # Nor need it look at each few hundred new objects: nearly all that is made here is freed by its count.
    gc.set_threshold(20_000, 20, 20)


async def _serve_until_signal(serve: Callable[[Stop], Awaitable[None]]) -> int:
    stop = Stop()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        stop.ask()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    try:
        await serve(stop)
    except NotFinished as error:
        log.warning("the service was stopped before its work was done", reason=str(error))
        return 1
    except Exception:
        log.exception("the service ended by an error")
        return 1
    if not stop.asked:
        log.error("the service ended without being asked to")
        return 1
    return 0


async def run_until_stopped(stop: Stop, *roots: Coroutine[Any, Any, None]) -> None:
    """Run `roots` together until stopping is asked for, then cancel them and wait for them.

    A root that ends or fails on its own ends all of them: its error is raised, or `RuntimeError` when it
    merely returned.
    """

    async def guarded(root: Coroutine[Any, Any, None]) -> None:
        await root
        if not stop.asked:
            raise RuntimeError(f"a task that must go on ended: {root!r}")

    tasks = [asyncio.create_task(guarded(root)) for root in roots]
    waiting = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in [waiting, *tasks]:
            task.cancel()
        results = await asyncio.gather(waiting, *tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            raise result
