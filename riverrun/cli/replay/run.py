"""The replay itself: each row is predicted, and its label sent when it would really be known."""

from __future__ import annotations

import asyncio
import datetime
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import stamina

from riverrun.cli.replay.columns import ReplayRow
from riverrun.cli.replay.pace import Pace
from riverrun.cli.replay.schedule import Step, steps
from riverrun.cli.replay.scoreboard import Scoreboard
from riverrun.client.answers import Row
from riverrun.client.async_client import AsyncClient
from riverrun.core.errors import NotFound, NotReady, Unavailable

LOTS_AHEAD = 8
"""Lots of labels that may wait to become durable while rows are predicted; then predicting waits."""

RETRY_S = 60.0
SHOWN_REJECTIONS = 10


@dataclass(slots=True)
class Progress:
    """How far a replay is; `first_version` and `last_version` are those that answered."""

    board: Scoreboard
    predicted: int = 0
    labelled: int = 0
    unlabelled: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    rejections: list[str] = field(default_factory=list)
    first_version: int = 0
    last_version: int = 0
    behind_s: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Answered:
    """What is kept of a row between its prediction and its label."""

    id: str
    row: Row


class Replay:
    """One replay of `rows` against `model`."""

    def __init__(
        self,
        client: AsyncClient,
        model: str,
        progress: Progress,
        *,
        pace: Pace,
        batch: int,
        with_time: bool,
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        """`with_time`: feedback carries the time at which its label was known."""
        self._client = client
        self._model = model
        self._progress = progress
        self._pace = pace
        self._batch = batch
        self._with_time = with_time
        self._on_progress = on_progress
        self._started_at: float | None = None
        self._answered: dict[int, _Answered] = {}
        self._lots: asyncio.Queue[list[dict[str, Any]] | None] = asyncio.Queue(LOTS_AHEAD)

    async def run(self, rows: Iterable[ReplayRow]) -> None:
        """Replay all rows; returns once every label is durable. Raises what reading or sending raises."""
        try:
            async with asyncio.TaskGroup() as tasks:
                # One sender: labels reach the log in the order in which they became known.
                tasks.create_task(self._send_labels())
                tasks.create_task(self._predict(rows))
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            if self._started_at is not None:
                self._progress.seconds = asyncio.get_running_loop().time() - self._started_at

    async def _predict(self, rows: Iterable[ReplayRow]) -> None:
        async for step in self._paced(self._steps(rows)):
            if step.predict:
                await self._ask(step.predict)
            if step.learn:
                await self._lots.put([self._scored_entry(row) for row in step.learn])
            self._on_progress(self._progress)
        await self._lots.put(None)

    def _steps(self, rows: Iterable[ReplayRow]) -> Iterator[Step]:
        return steps(rows, batch=self._pace.batch(self._batch), tick_s=self._pace.tick_s)

    async def _paced(self, planned: Iterable[Step]) -> AsyncIterator[Step]:
        loop = asyncio.get_running_loop()
        first_at: float | None = None
        for step in planned:
            if first_at is None:
                # Not before: making the first row may mean to read and sort everything.
                first_at = step.at
                started = self._started_at = loop.time()
            due = self._pace.due_s(step.at - first_at, self._progress.predicted)
            if due is not None:
                late = loop.time() - started - due
                self._progress.behind_s = max(self._progress.behind_s, late)
                await asyncio.sleep(max(0.0, -late))
            yield step

    async def _ask(self, rows: Sequence[ReplayRow]) -> None:
        # A model that was registered a moment ago has no version, or serving does not know it yet.
        async for attempt in stamina.retry_context(
            on=(NotFound, NotReady, Unavailable),
            attempts=None,
            timeout=RETRY_S,
            wait_initial=0.05,
            wait_max=1.0,
        ):
            with attempt:
                answer = await self._client.predict_many(self._model, [row.features for row in rows])
        progress = self._progress
        progress.predicted += len(rows)
        progress.first_version = progress.first_version or answer.model_version
        progress.last_version = answer.model_version
        for row, answer_id, answered in zip(rows, answer.ids, answer.predictions, strict=True):
            if row.label is None:
                progress.unlabelled += 1
            else:
                self._answered[row.number] = _Answered(row.id or answer_id, answered)

    def _scored_entry(self, row: ReplayRow) -> dict[str, Any]:
        answered = self._answered.pop(row.number)
        assert row.label is not None
        self._progress.labelled += 1
        self._progress.board.add(row.label, answered.row.prediction, answered.row.probabilities)
        entry = {"id": answered.id, "features": row.features, "label": row.label}
        if self._with_time:
            moment = datetime.datetime.fromtimestamp(row.known_at, datetime.UTC)
            entry["time"] = moment.isoformat()
        return entry

    async def _send_labels(self) -> None:
        while (lot := await self._lots.get()) is not None:
            answer = await self._client.feedback_many(self._model, lot)
            progress = self._progress
            progress.accepted += answer.accepted
            progress.duplicates += answer.duplicates
            progress.rejected += len(answer.rejected)
            room = SHOWN_REJECTIONS - len(progress.rejections)
            progress.rejections += [one.error for one in itertools.islice(answer.rejected, room)]
            self._on_progress(progress)
