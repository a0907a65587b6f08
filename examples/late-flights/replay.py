"""The flights served and taught in the order in which they happened, at a multiple of their own pace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from auc import ScoreRecord
from flights import Flight, Minute
from service import FlightService

ONLINE, DAILY, FROZEN = "online", "daily", "frozen"
MODELS = (ONLINE, DAILY, FROZEN)

DAY = 24 * 60
# A flight lands more than this after its prediction is made, so answers that come this late are in time.
HELD_EVERY = 30
LOTS_WAITING = 32
WARM_UP_LOT = 500

Lots = asyncio.Queue[Sequence[Flight] | None]
"""Landings by minute, on their way to be sent; None ends them."""


@dataclass(slots=True)
class Progress:
    """Where the replay stands."""

    at: int = 0
    served: int = 0
    taught: int = 0
    version: int = 0
    first_version: int = 0


class Pace:
    """Holds simulated minutes back so that they pass at an even rate; being late, it holds nothing back."""

    def __init__(self, first: int, minutes_per_second: float) -> None:
        self._first = first
        self._rate = minutes_per_second
        self._started = time.monotonic()

    async def reach(self, at: int) -> None:
        """Return when the minute `at` has come."""
        ahead = (at - self._first) / self._rate - (time.monotonic() - self._started)
        # Shorter waits than the clock's own grain would only add up to delay.
        if ahead > 0.002:
            await asyncio.sleep(ahead)


async def warm_up(service: FlightService, minutes: Iterable[Minute], progress: Progress) -> int:
    """Teach what has landed in `minutes`, in lots; returns how many flights that were."""
    landed = [flight for minute in minutes for flight in minute.landings]
    for start in range(0, len(landed), WARM_UP_LOT):
        lot = landed[start : start + WARM_UP_LOT]
        await service.teach(lot)
        progress.taught += len(lot)
    return len(landed)


class Replay:
    """Serves flights by three models and teaches one of them.

    Every minute's departures are predicted with the newest weights. Every minute's landings are sent as
    feedback that names the predictions by id, several minutes in one lot where they pass faster than
    feedback is acknowledged; those of flights that were asked about before the replay go with their features
    still. The held
    models answer for half an hour of flights at a time: their weights do not move, so the answers are
    those of the minute itself. `new_day` is called at each midnight, UTC.
    """

    def __init__(
        self,
        service: FlightService,
        record: ScoreRecord,
        progress: Progress,
        new_day: Callable[[], Awaitable[None]],
    ) -> None:
        self._service = service
        self._record = record
        self._progress = progress
        self._new_day = new_day
        self._online: list[tuple[Flight, float]] = []
        self._held_at = 0

    async def run(self, minutes: Iterable[Minute], pace: Pace) -> None:
        """Replay `minutes`; returns when the last label is on disk."""
        lots: Lots = asyncio.Queue(LOTS_WAITING)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._teach(lots))
            for minute in minutes:
                await pace.reach(minute.at)
                await self._step(minute, lots)
            await self._answer_by_held()
            await lots.put(None)

    async def _step(self, minute: Minute, lots: Lots) -> None:
        progress = self._progress
        if minute.at // DAY != progress.at // DAY:
            await self._answer_by_held()
            await self._new_day()
        elif minute.at - self._held_at >= HELD_EVERY:
            await self._answer_by_held()
        progress.at = minute.at
        if minute.departures:
            if not self._online:
                self._held_at = minute.at
            chances, progress.version = await self._service.predict(minute.departures, minute.at)
            self._online += zip(minute.departures, chances, strict=True)
            progress.served += len(minute.departures)
        for flight in minute.landings:
            self._record.landed(flight.flight_id, bool(flight.late))
        if minute.landings:
            await lots.put(minute.landings)

    async def _answer_by_held(self) -> None:
        """Let the held models answer for the flights that the online one has answered for since."""
        if not self._online:
            return
        flights, at = [flight for flight, _ in self._online], self._progress.at
        daily, frozen = await asyncio.gather(
            self._service.predict_by(DAILY, flights, at), self._service.predict_by(FROZEN, flights, at)
        )
        for (flight, online), *held in zip(self._online, daily, frozen, strict=True):
            self._record.served(flight.flight_id, (online, *held))
        self._online.clear()

    async def _teach(self, lots: Lots) -> None:
        """Send landings until None comes. What lands while a lot is on its way makes the next one."""
        more = True
        while more:
            waiting = [await lots.get()]
            while not lots.empty():
                waiting.append(lots.get_nowait())
            more = None not in waiting
            landed = [flight for lot in waiting if lot is not None for flight in lot]
            if landed:
                await self._service.landed(landed)
                self._progress.taught += len(landed)
