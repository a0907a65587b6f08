"""The process of one retrain: trains its line until that has taken over or is closed."""

from __future__ import annotations

import asyncio

import structlog

from riverrun.core.versions import ModelInfo
from riverrun.rpc.watching import Heartbeat, ModelChanged, ModelDeleted, Watch
from riverrun_trainer.line_context import Surroundings
from riverrun_trainer.line_trainer import LineTrainer

log = structlog.get_logger()


class RetrainRunner:
    """Trains `line` of `model`; what is done beside that is the surroundings' course."""

    def __init__(self, around: Surroundings, model: str, line: int, *, drain_s: float) -> None:
        """`drain_s` bounds the last push when stopping."""
        self._around = around
        self._model = model
        self._line = line
        self._drain_s = drain_s
        self._trainer = LineTrainer(model, line, around)
        self._knows_catalogue = False
        self._is_closed = False

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to train: the line has taken over, or is closed."""
        course = self._around.course
        return self._is_closed or (course is not None and course.is_over)

    async def run(self) -> None:
        """Train until the retrain is over, then ask the process to stop; or until cancelled."""
        training = asyncio.create_task(self._trainer.run(), name=f"retrain {self._model} {self._line}")
        watching = asyncio.create_task(self._until_over(training))
        try:
            await asyncio.wait([training, watching], return_when=asyncio.FIRST_COMPLETED)
            for task in (watching, training):
                if task.done():
                    task.result()
            # A line that is asked to stop ends too, before its retrain does.
            self._is_closed = watching.done() or not self._around.stop.asked
            self._around.stop.ask()
        finally:
            watching.cancel()
            # Only what was asked to stop publishes what it learned; a line that is closed takes no more.
            if not self._around.stop.asked:
                training.cancel()
            _, late = await asyncio.wait([training], timeout=self._drain_s)
            for task in late:
                task.cancel()
            await asyncio.gather(training, watching, return_exceptions=True)

    def why_not_ready(self) -> str:
        """See `Trainer.why_not_ready`."""
        if self._around.stop.asked:
            return "stopping"
        return "" if self._knows_catalogue else "the parameter server was not reached yet"

    def is_alive(self, silent_s: float) -> bool:
        """See `Trainer.is_alive`."""
        ticked_s = self._trainer.ticked_s
        return ticked_s is None or ticked_s >= self._around.clock.monotonic() - silent_s

    async def _until_over(self, training: asyncio.Task[None]) -> None:
        watch = Watch(self._around.client, models=[self._model], catalogue_only=True)
        async for change in watch.changes():
            match change:
                case ModelChanged(info) if info.name == self._model:
                    # Its line judges experiments too: it may be the one that is live when they end.
                    self._around.experiments[info.name] = info.experiments
                    if self._is_over(info):
                        return
                case ModelDeleted(name) if name == self._model:
                    training.cancel()
                    return
                case Heartbeat():
                    self._knows_catalogue = True
                case _:
                    pass

    def _is_over(self, info: ModelInfo) -> bool:
        line = next((line for line in info.lines if line.number == self._line), None)
        if line is not None and line.retrain:
            return False
        log.info("the retrain has ended", model=self._model, line=self._line)
        return True
