"""Whether this process is ready for requests, and why not."""

from __future__ import annotations

import asyncio

from riverrun_serving.core.model_slot import SlotKey
from riverrun_serving.core.served_models import ServedModels


class Readiness:
    """Ready once every model that was registered at the start has weights, and then until it stops.

    Ready once, ready for good: weights age, they do not go away.
    """

    def __init__(self, models: ServedModels) -> None:
        self.moved = asyncio.Event()
        """Set whenever a model may have come, become ready or gone, or the whole; who waits clears it."""
        self._models = models
        self._required: set[str] | None = None
        self._with_weights: set[SlotKey] = set()
        self._was_ready = False
        self._stopping = False

    def require(self, models: set[str]) -> None:
        """Wait for these models; only the first call counts."""
        if self._required is None:
            self._required = models
            self.moved.set()

    def has_weights(self, slot: SlotKey) -> None:
        """Hear that a slot answers, at each of its versions."""
        if slot not in self._with_weights:
            # Not at each version: who waits for it looks at every model.
            self._with_weights.add(slot)
            self.moved.set()

    def forget(self, slot: SlotKey) -> None:
        """Hear that a slot is gone."""
        self._with_weights.discard(slot)

    def stop(self) -> None:
        """Be ready no more, and let every connection end with its next answer."""
        self._stopping = True
        self.moved.set()

    def is_stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping

    def why_not(self) -> str:
        """In words; empty when ready."""
        if self._stopping:
            return "the process is stopping"
        if not self._was_ready:
            if self._required is None:
                return "the parameter server was not reached yet"
            models = [self._models.get(name) for name in sorted(self._required)]
            missing = [model.name for model in models if model is not None and not model.ready]
            if missing:
                return f"no weights yet for: {', '.join(missing)}"
            self._was_ready = True
        return ""
