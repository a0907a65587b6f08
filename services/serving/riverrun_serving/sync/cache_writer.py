"""Last-good copies written in the background, never in the way of an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from riverrun_serving.core.model_slot import SlotKey
from riverrun_serving.sync.last_good import LastGood, LastGoodFolder

SHARE = 0.05
"""Writing copies takes at most this share of the time: large models are copied more seldom."""

log = structlog.get_logger()


class CacheWriter:
    """Writes the newest copy of each slot that changed, at most every `every_s` seconds."""

    def __init__(self, folder: LastGoodFolder, every_s: float) -> None:
        self._folder = folder
        self._every_s = every_s
        self._wanted: dict[SlotKey, Callable[[], LastGood | None]] = {}
        self._any = asyncio.Event()
        # Slots that went while a copy was written, which may be theirs.
        self._gone: set[SlotKey] = set()

    async def read_all(self) -> list[LastGood]:
        """Every copy that is whole."""
        return await asyncio.to_thread(lambda: list(self._folder.read_all()))

    def want(self, model: str, channel: str, copy: Callable[[], LastGood | None]) -> None:
        """Have a slot's weights written soon; `copy` gives the newest when their turn comes."""
        self._wanted[model, channel] = copy
        self._any.set()

    def forget(self, model: str, channel: str) -> None:
        """Remove the copy of a slot that is gone."""
        self._wanted.pop((model, channel), None)
        self._gone.add((model, channel))
        self._remove(model, channel)

    async def run(self) -> None:
        """Write what is wanted, for ever. A disk that takes nothing is logged and tried again."""
        while True:
            await self._any.wait()
            self._any.clear()
            begun = time.perf_counter()
            for key in list(self._wanted):
                # One whose slot went while another was written is wanted no more.
                copy_of = self._wanted.pop(key, None)
                copy = None if copy_of is None else copy_of()
                if copy is not None:
                    await self._write(key, copy)
            await asyncio.sleep(max(self._every_s, (time.perf_counter() - begun) / SHARE))

    async def _write(self, slot: SlotKey, copy: LastGood) -> None:
        self._gone.clear()
        try:
            await asyncio.to_thread(self._folder.write, copy)
        except OSError as error:
            log.warning("a last-good copy could not be written", model=copy.manifest.model, error=str(error))
        if slot in self._gone:
            self._remove(*slot)

    def _remove(self, model: str, channel: str) -> None:
        try:
            self._folder.forget(model, channel)
        except OSError as error:
            log.warning("a last-good copy could not be removed", model=model, error=str(error))
