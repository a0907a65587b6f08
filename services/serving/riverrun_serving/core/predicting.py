"""Answering: one version from start to end, whatever is swapped in meanwhile."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from riverrun.core.errors import InvalidInput
from riverrun.core.predictions import Features, Prediction
from riverrun.core.spec.features import shown
from riverrun_serving.core.arms import Exposure
from riverrun_serving.core.deadline import NO_DEADLINE, Deadline
from riverrun_serving.core.model_slot import LoadedVersion, ModelSlot

MAX_ID = 256
MAX_ROWS = 10_000
SLICE_S = 0.005
SLICE_ROWS = 1024
FIRST_ROWS = 8


class Answer(msgspec.Struct, frozen=True):
    """What one request is answered with; every prediction is of the one version named here."""

    id: str
    predictions: Sequence[Prediction]
    loaded: LoadedVersion
    channel: str
    age_s: float
    rows: Sequence[Features] = ()
    """What was answered for, as the model took it."""

    exposure: Exposure | None = None
    """As which arm of an experiment it was answered; None: as none."""

    @property
    def ids(self) -> list[str]:
        """The id of each row of a batch."""
        return [f"{self.id}.{row}" for row in range(len(self.predictions))]


def check_id(given: Any, field: str = "id") -> str:
    """`given` as an id, or a new one for None and the empty string; raises `InvalidInput`."""
    if given is None or given == "":
        return f"{random.getrandbits(128):032x}"
    if not isinstance(given, str) or len(given) > MAX_ID:
        raise InvalidInput(field, f"expected a string of at most {MAX_ID} characters, got {shown(given)}")
    return given


def answer_one(
    slot: ModelSlot, features: Any, given_id: Any, now: float, exposure: Exposure | None = None
) -> Answer:
    """The answer for one row. `now` is monotonic. Raises `InvalidInput`, `NotReady`."""
    loaded = slot.ready_version(now)
    row = loaded.check(features)
    prediction = loaded.predictor.predict(row)
    slot.answered_row = row
    return Answer(check_id(given_id), (prediction,), loaded, slot.channel, slot.age_s(now), (row,), exposure)


async def answer_many(
    slot: ModelSlot,
    rows: Any,
    given_id: Any,
    now: float,
    *,
    where: str = "instances",
    deadline: Deadline = NO_DEADLINE,
    exposure: Exposure | None = None,
) -> Answer:
    """The answer for many rows, as of the moment of the call.

    Raises `InvalidInput`, `NotReady`, and `DeadlineExceeded` where `deadline` passes between two rows.

    Errors name the row and feature as ``{where}.3.distance``.

    Long batches are computed in slices of some milliseconds, so that other requests come in between; a
    predictor is not thread-safe, and a thread would hold the interpreter just as long.
    """
    loaded = slot.ready_version(now)
    request_id = check_id(given_id)
    age_s = slot.age_s(now)
    checked = check_rows(loaded, rows, where)
    if len(checked) == 1:
        prediction = loaded.predictor.predict(checked[0])
        slot.answered_row = checked[0]
        return Answer(request_id, (prediction,), loaded, slot.channel, age_s, checked, exposure)
    predictions: list[Prediction] = []
    while len(predictions) < len(checked):
        if predictions:
            await asyncio.sleep(0)
            deadline.check()
        begun = len(predictions)
        size = min(SLICE_ROWS, max(1, int(SLICE_S / slot.row_seconds))) if slot.row_seconds else FIRST_ROWS
        started = time.perf_counter()
        predictions += loaded.predictor.predict_many(checked[begun : begun + size])
        spent = (time.perf_counter() - started) / (len(predictions) - begun)
        slot.row_seconds += 0.2 * (spent - slot.row_seconds)
    slot.answered_row = checked[0]
    return Answer(request_id, predictions, loaded, slot.channel, age_s, checked, exposure)


def check_rows(loaded: LoadedVersion, rows: Any, where: str) -> list[Features]:
    """`rows` checked against the version's spec; raises `InvalidInput` naming the row and feature."""
    if not isinstance(rows, list) or not rows:
        raise InvalidInput(where, "expected a list of at least one object of features")
    if len(rows) > MAX_ROWS:
        raise InvalidInput(where, f"expected at most {MAX_ROWS} rows, got {len(rows)}")
    if len(rows) > 1 and loaded.check.takes_all(rows):
        return rows
    checked: list[Features] = []
    for number, row in enumerate(rows):
        try:
            checked.append(loaded.check(row))
        except InvalidInput as error:
            path = f"{where}.{number}" + error.field.removeprefix("features")
            raise InvalidInput(path, error.expected) from None
    return checked
