"""Predictions reach the log in order, many of them in one append, however many rows an answer has."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from riverrun_serving.core.predicting import Answer
from riverrun_serving.core.prediction_log import MAX_APPEND_EVENTS, PredictionLog

from riverrun.core.events import Appended, NewEvent, Stream
from riverrun.core.predictions import Prediction
from tests.unit.serving.in_test_predictor import loaded


class CountingLog:
    """Takes everything, one append after another."""

    def __init__(self) -> None:
        self.appends: list[list[str]] = []

    async def append(self, model: str, stream: Stream, events: Sequence[NewEvent]) -> list[Appended]:
        await asyncio.sleep(0)
        self.appends.append([event.event_id for event in events])
        return [Appended(offset) for offset in range(len(events))]

    @property
    def ids(self) -> list[str]:
        return [name for names in self.appends for name in names]


def answer(name: str, rows: int) -> Answer:
    return Answer(name, [Prediction(True)] * rows, loaded(1), "live", 0.0, [{}] * rows)


async def logged(*answers: Answer) -> CountingLog:
    log = CountingLog()
    async with PredictionLog(log, max_bytes=1 << 30, drain_s=60.0) as predictions:
        for one in answers:
            predictions.note("m", one, one.ids if len(one.predictions) > 1 else [one.id], 1.0)
    return log


@pytest.mark.parametrize("rows", [1, 3])
async def test_answers_that_wait_go_in_one_append(rows: int) -> None:
    answers = [answer(f"a{number}", rows) for number in range(100)]

    log = await logged(*answers)

    assert len(log.appends) == 1
    assert log.ids == [name for one in answers for name in (one.ids if rows > 1 else [one.id])]


async def test_an_answer_of_more_rows_than_go_in_one_append_goes_in_several() -> None:
    first, large, last = answer("first", 1), answer("large", 2 * MAX_APPEND_EVENTS + 1), answer("last", 2)

    log = await logged(first, large, last)

    assert log.ids == ["first", *large.ids, *last.ids]
    assert max(map(len, log.appends)) == MAX_APPEND_EVENTS
    assert len(log.appends) == 3
