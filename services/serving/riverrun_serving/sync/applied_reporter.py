"""Telling the parameter server what this process answers with."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from riverrun.rpc.watching import Applied, Watch
from riverrun_serving.core.model_slot import SlotKey
from riverrun_serving.sync.slot_sync import SlotSync

REPORT_EVERY_S = 0.2


class AppliedReporter:
    """Reports those of `syncs` that changed, soon after each change and at most some times a second."""

    def __init__(self, syncs: Mapping[SlotKey, SlotSync]) -> None:
        self._syncs = syncs
        self._changed: set[SlotKey] = set()
        self._any = asyncio.Event()

    def want(self, slot: SlotKey) -> None:
        """Have a slot reported soon."""
        self._changed.add(slot)
        self._any.set()

    async def run(self, watch: Watch) -> None:
        """Report over `watch`, for ever."""
        while True:
            await self._any.wait()
            self._any.clear()
            for slot in list(self._changed):
                self._changed.discard(slot)
                # One that is gone meanwhile is not reported any more.
                if (sync := self._syncs.get(slot)) is not None:
                    await watch.report(_applied(sync))
            await asyncio.sleep(REPORT_EVERY_S)


def _applied(sync: SlotSync) -> Applied:
    current = sync.slot.current
    return Applied(
        model=sync.slot.model,
        channel=sync.slot.channel,
        version=0 if current is None else current.version,
        generation=0 if current is None else current.generation,
        sync=sync.policy.describe(),
        problem=sync.slot.problem,
        freshness=sync.slot.freshness(),
    )
