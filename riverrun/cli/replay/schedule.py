"""In which order rows are predicted and labels are told: by event time, in small lots."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from riverrun.cli.replay.columns import ReplayRow


@dataclass(frozen=True, slots=True)
class Step:
    """Rows to predict, then rows whose label is known by now; `at` is the event time of the last of both."""

    at: float
    predict: tuple[ReplayRow, ...]
    learn: tuple[ReplayRow, ...]


def steps(rows: Iterable[ReplayRow], *, batch: int, tick_s: float | None = None) -> Iterator[Step]:
    """The whole replay in order. No label comes before its own row's prediction, nor before it is known.

    A step predicts at most `batch` rows. `tick_s` bounds the event time that one step spans, for a replay
    that keeps a pace; None: only `batch` does, and a label waits at most for the rows of one step.
    """
    pending: list[ReplayRow] = []
    labels: list[tuple[float, int, ReplayRow]] = []

    def predicted() -> Step:
        upto = pending[-1].at
        for row in pending:
            if row.label is not None:
                heapq.heappush(labels, (row.known_at, row.number, row))
        step = Step(upto, tuple(pending), tuple(_known(labels, upto)))
        pending.clear()
        return step

    for row in rows:
        if pending and (len(pending) >= batch or (tick_s is not None and row.at - pending[0].at > tick_s)):
            yield predicted()
        while tick_s is not None and not pending and labels and labels[0][0] < row.at:
            upto = min(labels[0][0] + tick_s, row.at)
            yield Step(upto, (), tuple(_known(labels, upto)))
        pending.append(row)
    if pending:
        yield predicted()
    while labels:
        upto = labels[0][0] + (tick_s or 0.0)
        known = tuple(_known(labels, upto))
        yield Step(known[-1].known_at, (), known)


def _known(labels: list[tuple[float, int, ReplayRow]], upto: float) -> Iterator[ReplayRow]:
    while labels and labels[0][0] <= upto:
        yield heapq.heappop(labels)[2]
