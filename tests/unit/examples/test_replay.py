"""The order in which flights are served and taught. The service here answers from memory at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from auc import ScoreRecord
from flights import Flight, by_minute
from replay import DAY, MODELS, Pace, Progress, Replay, warm_up

MIDNIGHT = 15_000 * DAY


class ServiceInMemory:
    """Answers by how many flights it was taught; `held` are the channels' answers."""

    def __init__(self) -> None:
        self.lots: list[list[str]] = []
        self.predicted: list[list[str]] = []
        self.asked_held: list[tuple[str, list[str]]] = []

    async def predict(self, flights: Sequence[Flight], at: int) -> tuple[list[float], int]:
        self.predicted.append([flight.flight_id for flight in flights])
        await asyncio.sleep(0)
        taught = sum(map(len, self.lots))
        return [taught / 100] * len(flights), taught + 1

    async def predict_by(self, channel: str, flights: Sequence[Flight], at: int) -> list[float]:
        self.asked_held.append((channel, [flight.flight_id for flight in flights]))
        return [{"daily": 0.3, "frozen": 0.2}[channel]] * len(flights)

    async def teach(self, flights: Sequence[Flight]) -> None:
        await asyncio.sleep(0)
        self.lots.append([flight.flight_id for flight in flights])

    landed = teach


def flight(name: str, predict_at: int, landed_at: int | None, late: bool | None = False) -> Flight:
    return Flight(name, MIDNIGHT + predict_at, None if landed_at is None else MIDNIGHT + landed_at, late, {})


async def replayed(*flights: Flight) -> tuple[ServiceInMemory, ScoreRecord, Progress, list[int]]:
    service, record, progress = ServiceInMemory(), ScoreRecord(MODELS, 100), Progress(at=MIDNIGHT)
    days: list[int] = []

    async def new_day() -> None:
        days.append(progress.at - MIDNIGHT)

    replay = Replay(service, record, progress, new_day)  # type: ignore[arg-type]  # as far as it is used
    await asyncio.wait_for(replay.run(by_minute(flights), Pace(MIDNIGHT, 1e9)), 60)
    return service, record, progress, days


async def test_every_flight_is_predicted_once_and_every_landing_taught_once_in_order() -> None:
    flights = [flight(f"f{i}", i * 7 % 500, 500 + i) for i in range(100)]

    service, record, progress, _ = await replayed(*flights)

    assert sorted(name for lot in service.predicted for name in lot) == sorted(f.flight_id for f in flights)
    assert [name for lot in service.lots for name in lot] == [f"f{i}" for i in range(100)]
    assert (progress.served, progress.taught, record.labelled) == (100, 100, 100)


async def test_all_models_have_answered_before_a_flight_lands() -> None:
    service, record, _, _ = await replayed(flight("a", 10, 58, True), flight("b", 39, 87, False))

    assert record.labelled == 2
    assert record.waiting == 0
    assert {channel for channel, _ in service.asked_held} == {"daily", "frozen"}


async def test_held_models_answer_for_half_an_hour_at_a_time() -> None:
    flights = [flight(f"f{i}", i * 10, None, None) for i in range(6)]

    service, _, _, _ = await replayed(*flights)

    daily = [names for channel, names in service.asked_held if channel == "daily"]
    assert daily == [["f0", "f1", "f2"], ["f3", "f4", "f5"]]


async def test_a_new_day_begins_after_the_held_models_answered_for_the_old_one() -> None:
    service, _, _, days = await replayed(flight("a", DAY - 5, None, None), flight("b", DAY + 5, None, None))

    assert days == [DAY - 5]
    assert [names for channel, names in service.asked_held if channel == "daily"] == [["a"], ["b"]]


async def test_a_flight_without_a_label_is_served_and_never_taught() -> None:
    service, record, progress, _ = await replayed(flight("cancelled", 10, None, None))

    assert (progress.served, progress.taught) == (1, 0)
    assert (record.labelled, record.waiting) == (0, 1)
    assert service.lots == []


async def test_an_error_of_the_service_ends_the_replay() -> None:
    class Failing(ServiceInMemory):
        async def landed(self, flights: Sequence[Flight]) -> None:
            raise ConnectionError("away")

    async def new_day() -> None: ...

    minutes = by_minute([flight(f"f{i}", i, i + 60) for i in range(300)])
    replay = Replay(Failing(), ScoreRecord(MODELS, 9), Progress(at=MIDNIGHT), new_day)  # type: ignore[arg-type]

    with pytest.raises(ExceptionGroup) as raised:
        await asyncio.wait_for(replay.run(minutes, Pace(MIDNIGHT, 1e9)), 60)

    assert raised.group_contains(ConnectionError, match="away")


async def test_warm_up_teaches_what_has_landed_and_nothing_else() -> None:
    service, progress = ServiceInMemory(), Progress()
    flights = [flight("a", 0, 100), flight("b", 1, 90), flight("cancelled", 2, None, None)]

    taught = await warm_up(service, by_minute(flights), progress)  # type: ignore[arg-type]

    assert taught == progress.taught == 2
    assert [name for lot in service.lots for name in lot] == ["b", "a"]
