"""Mutants of serving and of watching: each function breaks one rule in this process alone.

Imported by `sitecustomize` in a child; never by product code, nor by the tests.
"""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any


def two_step_swap() -> None:
    """A version's number is swapped first, its weights some milliseconds later."""
    from riverrun_serving.core import model_slot

    swap = model_slot.ModelSlot.swap

    def in_two_steps(self: Any, loaded: Any, confirmed_at: float, freshness_s: Any) -> None:
        before = self.current
        if before is None:
            swap(self, loaded, confirmed_at, freshness_s)
            return
        swap(self, dataclasses.replace(loaded, predictor=before.predictor), confirmed_at, freshness_s)

        def weights_too() -> None:
            self.current = loaded

        asyncio.get_running_loop().call_later(0.005, weights_too)

    model_slot.ModelSlot.swap = in_two_steps


def closed_at_signal() -> None:
    """The listeners are closed as soon as the process is asked to stop."""
    from riverrun_serving.settings import ServingSettings

    read = ServingSettings.__init__

    def without_lingering(self: Any, **given: Any) -> None:
        read(self, **given)
        object.__setattr__(self, "linger_s", 0.0)

    ServingSettings.__init__ = without_lingering  # type: ignore[method-assign]


def unbounded_queue() -> None:
    """Each watcher has a queue of messages, and nothing bounds it."""
    from riverrun_param_server import watch_hub

    mark, following = watch_hub.Watcher.mark_channel, watch_hub.Watcher._next

    def queue(self: Any, model: str, channel: str) -> None:
        mark(self, model, channel)
        while self._channels:
            key = watch_hub._pop(self._channels)
            found = self._announcements.of_channel(*key, have=self._told.get(key, 0))
            if found is not None:
                message, self._told[key] = found
                queues.setdefault(self.number, []).append(message)

    def from_queue(self: Any) -> Any:
        waiting = queues.get(self.number)
        return waiting.pop(0) if waiting and not self._models else following(self)

    queues: dict[int, list[bytes]] = {}
    watch_hub.Watcher.mark_channel = queue  # type: ignore[method-assign]
    watch_hub.Watcher._next = from_queue  # type: ignore[method-assign]


def slow_and_counted() -> None:
    """No mutant but a meter: an answer takes 50 ms of the event loop, and each is a line in the log."""
    import sys
    import time

    from riverrun.learners import river_predictor

    predict = river_predictor.RiverPredictor.predict

    def slowly(self: Any, features: Any) -> Any:
        print('{"event": "computed"}', file=sys.stderr, flush=True)
        time.sleep(0.05)
        return predict(self, features)

    river_predictor.RiverPredictor.predict = slowly  # type: ignore[method-assign]


def leak() -> None:
    """Each version that was taken is kept, with what a small model weighs."""
    from riverrun_serving.core import model_slot

    swap, kept = model_slot.ModelSlot.swap, []

    def keeping(self: Any, loaded: Any, confirmed_at: float, freshness_s: Any) -> None:
        kept.append((loaded, bytearray(b"x" * 50_000)))
        swap(self, loaded, confirmed_at, freshness_s)

    model_slot.ModelSlot.swap = keeping  # type: ignore[method-assign]


def slow() -> None:
    """No mutant: an answer holds the event loop for 10 ms, so that few callers are too many."""
    import time

    from riverrun.learners import river_predictor

    predict = river_predictor.RiverPredictor.predict

    def slowly(self: Any, features: Any) -> Any:
        time.sleep(0.01)
        return predict(self, features)

    river_predictor.RiverPredictor.predict = slowly  # type: ignore[method-assign]


def no_gate() -> None:
    """However many wait, one more may; answers are slow, so that many do."""
    from riverrun.runtime import queue_gate

    def limit(_self: Any, _now: float) -> int:
        return 1 << 30

    queue_gate.QueueGate.limit = limit  # type: ignore[method-assign]
    slow()


def readiness_needs_the_server() -> None:
    """A pod is ready only while it reaches the parameter server."""
    from riverrun_serving.core import readiness
    from riverrun_serving.sync import synchronizer

    from riverrun.rpc import watching

    take, why_not = synchronizer.Synchronizer._take, readiness.Readiness.why_not
    away: set[int] = set()

    async def noting(self: Any, change: Any) -> None:
        if isinstance(change, watching.Disconnected):
            away.add(id(self))
        elif isinstance(change, watching.Connected):
            away.discard(id(self))
        await take(self, change)

    def why(self: Any) -> str:
        return "the parameter server is away" if away else why_not(self)

    synchronizer.Synchronizer._take = noting  # type: ignore[method-assign]
    readiness.Readiness.why_not = why  # type: ignore[method-assign]
