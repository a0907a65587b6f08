"""Every line that is to be trained, as the parameter server's catalogue has it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from riverrun.core.versions import ModelInfo
from riverrun.rpc.watching import Connected, Disconnected, Heartbeat, ModelChanged, ModelDeleted, Watch
from riverrun_trainer.line_context import Surroundings
from riverrun_trainer.line_trainer import LineTrainer

log = structlog.get_logger()


class Trainer:
    """One task for each open line of each wanted model; lines come and go with the catalogue."""

    def __init__(self, around: Surroundings, models: Sequence[str], *, drain_s: float) -> None:
        """Train `models`, all when empty. `drain_s` bounds the last pushes when stopping."""
        self._around = around
        self._models = models
        self._drain_s = drain_s
        self._lines: dict[tuple[str, int], tuple[LineTrainer, asyncio.Task[None]]] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._knows_catalogue = False

    async def run(self) -> None:
        """Train until cancelled; then publish what was learned, within the bound, and return."""
        watch = Watch(self._around.client, models=self._models, catalogue_only=True)
        try:
            async for change in watch.changes():
                match change:
                    case ModelChanged(model):
                        self._around.experiments[model.name] = model.experiments
                        self._follow(model)
                    case ModelDeleted(name):
                        self._leave(name, keep=frozenset())
                    case Heartbeat():
                        self._knows_catalogue = True
                    case Connected() | Disconnected():
                        pass
        finally:
            await self._stop()

    def why_not_ready(self) -> str:
        """In words why this trainer cannot work yet; empty when it can."""
        if self._around.stop.asked:
            return "stopping"
        return "" if self._knows_catalogue else "the parameter server was not reached yet"

    def is_alive(self, silent_s: float) -> bool:
        """Whether every learning loop moved within the last `silent_s` seconds."""
        since_s = self._around.clock.monotonic() - silent_s
        ticks = [trainer.ticked_s for trainer, _ in self._lines.values()]
        return all(ticked_s is None or ticked_s >= since_s for ticked_s in ticks)

    def _follow(self, model: ModelInfo) -> None:
        if self._models and model.name not in self._models:
            return
        # A retrain is learned by a process of its own, until it takes over.
        open_lines = frozenset(line.number for line in model.lines if not line.closed and not line.retrain)
        self._leave(model.name, keep=open_lines)
        for number in open_lines:
            key = (model.name, number)
            if key in self._lines:
                continue
            trainer = LineTrainer(model.name, number, self._around)
            task = asyncio.create_task(trainer.run(), name=f"train {model.name} {number}")
            self._lines[key] = (trainer, task)
            task.add_done_callback(self._forget)

    def _leave(self, model: str, keep: frozenset[int]) -> None:
        for (name, number), (_, task) in list(self._lines.items()):
            if name == model and number not in keep:
                log.info("no longer trained", model=name, line=number)
                del self._lines[(name, number)]
                self._leaving.add(task)
                task.cancel()

    def _forget(self, done: asyncio.Task[None]) -> None:
        self._leaving.discard(done)
        self._lines = {key: pair for key, pair in self._lines.items() if pair[1] is not done}

    async def _stop(self) -> None:
        tasks = [*self._leaving, *(task for _, task in self._lines.values())]
        for trainer, task in self._lines.values():
            if not (trainer.in_session and self._around.stop.asked):
                task.cancel()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._drain_s)
            for task in late:
                log.warning("stopping without the last push", task=task.get_name())
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
