"""What keeps a session alive beside learning: reports, news of the spec, the wish to stop, and waiting."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import structlog

from riverrun.core.errors import InvalidSpec
from riverrun.core.spec import ModelSpec, parse_spec
from riverrun.rpc.trainer_session import TrainerSession
from riverrun_trainer.line_context import Surroundings

T = TypeVar("T")

log = structlog.get_logger()


class SessionPulse:
    """The beat of one session. The learning loop itself calls `beat`: a loop that hangs reports nothing.

    `learned`, what `tell` was told and what `evaluation` gives are what the next report says. `beat`, `wait`
    and `working` raise what ended the session or one of the tasks started here.
    """

    def __init__(self, session: TrainerSession, around: Surroundings) -> None:
        self._session = session
        self._around = around
        self._clock = around.clock
        self._woken = asyncio.Event()
        self._tasks: list[asyncio.Task[Any]] = []
        self._spec: ModelSpec | None = None
        self._report_s = -math.inf
        self.learned = 0
        self._problem = ""
        self.evaluation: Callable[[], bytes] = bytes
        self.ticked_s = self._clock.monotonic()

    async def __aenter__(self) -> SessionPulse:
        self.start(self._follow_specs())
        self._stopping = asyncio.create_task(self._wake_on_stop(), name="wake-on-stop")
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = [*self._tasks, self._stopping]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run `work` until the session ends; if it fails, the session does."""
        task = asyncio.create_task(work)
        task.add_done_callback(lambda _: self.wake())
        self._tasks.append(task)

    def wake(self) -> None:
        """End the present or next `wait` at once."""
        self._woken.set()

    def tell(self, problem: str) -> None:
        """Have the reports say why learning or publishing does not get on; empty when all is well."""
        if problem != self._problem:
            self._problem = problem
            self._report_s = -math.inf

    @property
    def stopping(self) -> bool:
        """Whether the process was asked to stop."""
        return self._around.stop.asked

    def new_spec(self) -> ModelSpec | None:
        """The newest spec that came since the last call, None for none."""
        spec, self._spec = self._spec, None
        return spec

    async def beat(self) -> None:
        """Say that the loop moves, where a report is due."""
        for task in self._tasks:
            if task.done():
                self._tasks.remove(task)
                task.result()
        self.ticked_s = self._clock.monotonic()
        if self.ticked_s >= self._report_s:
            self._report_s = self.ticked_s + self._around.report_every_s
            await self._session.report(
                examples=self.learned, problem=self._problem, evaluation=self.evaluation()
            )

    async def wait(self, until_s: float) -> None:
        """Return at `until_s` of the monotonic clock, when a report is due, or when woken."""
        delay_s = min(until_s, self._report_s) - self._clock.monotonic()
        if delay_s > 0 and not self._woken.is_set():
            timer = asyncio.get_running_loop().call_later(delay_s, self._woken.set)
            try:
                await self._woken.wait()
            finally:
                timer.cancel()
        else:
            await asyncio.sleep(0)
        self._woken.clear()
        await self.beat()

    async def working(self, work: Awaitable[T]) -> T:
        """The result of `work`, with reports while it takes its time."""
        task = asyncio.ensure_future(work)
        task.add_done_callback(lambda _: self.wake())
        try:
            while not task.done():
                await self.wait(math.inf)
            return task.result()
        finally:
            task.cancel()

    async def hold(self, problem: str) -> None:
        """Keep the session, saying why nothing is learned, until a new spec comes or the process stops."""
        self.tell(problem)
        while self._spec is None and not self.stopping:
            await self.wait(math.inf)

    async def _follow_specs(self) -> None:
        async with contextlib.aclosing(self._session.changed_specs()) as specs:  # type: ignore[type-var]
            async for text in specs:
                try:
                    self._spec = parse_spec(text)
                except InvalidSpec as error:
                    log.warning("a new spec cannot be read", reason=str(error))
                self.wake()

    async def _wake_on_stop(self) -> None:
        await self._around.stop.wait()
        self.wake()
