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
