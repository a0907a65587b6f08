"""A process whose wall clock is stepped while it runs, by libfaketime; the monotonic clock stays true."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.fault.harness.needs import LIBFAKETIME


class SteppedClock:
    """The clock of every process started with `environment`; read anew from a file at each look."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.step(0)

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process is started with to have this clock."""
        return {
            "LD_PRELOAD": str(LIBFAKETIME[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def step(self, offset_s: float) -> None:
        """From now on the clock is `offset_s` seconds off."""
        temporary = self._file.with_suffix(".new")
        temporary.write_text(f"{offset_s:+g}\n")
        temporary.rename(self._file)
