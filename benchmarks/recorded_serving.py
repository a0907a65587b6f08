"""A serving process that records each swap: the program itself, with one list append where a slot changes.

The records, one line ``version wall-clock-ns`` each, are written to the file named by BENCHMARK_SWAPS
when the process ends, so that nothing is written while it is measured.
"""

from __future__ import annotations

import atexit
import os
import runpy
import time
from pathlib import Path

from riverrun_serving.core.model_slot import LoadedVersion, ModelSlot

swaps: list[tuple[int, int]] = []
take = ModelSlot.swap


def recording(slot: ModelSlot, loaded: LoadedVersion, confirmed_at: float, freshness_s: float | None) -> None:
    """`ModelSlot.swap`, and the moment after it."""
    take(slot, loaded, confirmed_at, freshness_s)
    if slot.channel == "live":
        swaps.append((loaded.version, time.time_ns()))


def save() -> None:
    """Write what was recorded."""
    Path(os.environ["BENCHMARK_SWAPS"]).write_text("".join(f"{v} {ns}\n" for v, ns in swaps))


if __name__ == "__main__":
    setattr(ModelSlot, "swap", recording)  # noqa: B010  # plain assignment is what mypy forbids
    atexit.register(save)
    runpy.run_module("riverrun_serving", run_name="__main__")
