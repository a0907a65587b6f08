"""What the sync interval is worth: ROC AUC of served predictions by how old served weights may be.

The table of Liu et al., "Monolith: Real Time Recommendation System With Collisionless Embedding Table"
(ORSUM 2022), section 3.2, for another stream: the flights of New York in 2013, each predicted half an hour
before its scheduled departure and learned when it has landed. One learner learns them as the trainer does;
predictors take its weights as serving does, by deltas, once each interval of event time. Nothing waits: the
year is replayed as fast as it is learned. ``--days N`` serves N days of it.

The times of the data are whole minutes, so that taking weights each minute is as good as watching.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Figure
from riverrun.core.spec import parse_spec
from riverrun.core.units import SideDelta, Unit
from riverrun.learners.build import build_learner, build_predictor
from riverrun.learners.protocol import Predictor

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "late-flights"

if TYPE_CHECKING:
    from flights import Flight

HOUR, DAY = 60, 24 * 60
WATCH, FROZEN = "watch", "frozen"
INTERVALS_MIN: dict[str, int | None] = {
    WATCH: 0,
    "1 min": 1,
    "1 h": HOUR,
    "1 day": DAY,
    "1 week": 7 * DAY,
    FROZEN: None,
}
"""Minutes of event time between two takes of weights; 0: each version, None: only the first."""


@dataclass
class Served:
    """One way to take weights: what it answers with, and what has changed since it took any."""

    interval_min: int | None
    predictor: Predictor
    waiting: list[SideDelta] = field(default_factory=list)
    taken_at: int = 0
    takes: int = 0
    scores: list[float] = field(default_factory=list)

    def take(self, at: int, root: bytes) -> None:
        """Take what waits where it is due in the minute `at`; frozen, when it has taken nothing yet."""
        due = not self.takes
        if self.interval_min is not None:
            due = (
                due or not self.interval_min or at // self.interval_min != self.taken_at // self.interval_min
            )
        if not due:
            return
        self.taken_at = at
        self.takes += 1
        if self.waiting:
            self.predictor = self.predictor.updated(merged(self.waiting), root)
            self.waiting = []


def run(flights: Sequence[Flight], serves_from: int) -> tuple[dict[str, Served], list[bool]]:
    """Learn all of `flights`, and answer for those from minute `serves_from` on that have landed since."""
    from flights import by_minute

    spec = parse_spec((EXAMPLE / "model.yaml").read_text())
    learner = build_learner(spec)
    first = learner.changes()
    root, _ = learner.roots()
    served = {
        name: Served(minutes, build_predictor(spec, first.serving.changed, root))
        for name, minutes in INTERVALS_MIN.items()
    }
    asked: dict[str, tuple[float, ...]] = {}
    labels: list[bool] = []
    for minute in by_minute(flights):
        if minute.at >= serves_from:
            for one in served.values():
                one.take(minute.at, root)
            for flight in minute.departures:
                asked[flight.flight_id] = tuple(
                    chance_of(one.predictor.predict, flight) for one in served.values()
                )
        for flight in minute.landings:
            if (scores := asked.pop(flight.flight_id, None)) is not None:
                labels.append(bool(flight.late))
                for one, score in zip(served.values(), scores, strict=True):
                    one.scores.append(score)
            learner.learn([flight.features], [bool(flight.late)], [1.0])
        if minute.landings:
            delta = learner.changes().serving
            root, _ = learner.roots()
            for one in served.values():
                if one.interval_min is not None or not one.takes:
                    one.waiting.append(delta)
    return served, labels


def merged(deltas: Sequence[SideDelta]) -> SideDelta:
    """`deltas` as one: the last of each unit counts."""
    changed: dict[int, Unit] = {}
    dropped: set[int] = set()
    for delta in deltas:
        delta.apply_in_place(changed)
        dropped |= delta.dropped
    return SideDelta(changed, frozenset(dropped - changed.keys()))


def chance_of(predict: Callable[..., object], flight: Flight) -> float:
    """How likely the flight is to be late, by these weights."""
    shares = getattr(predict(flight.features), "probabilities", None) or {}
    return float(shares.get(True, 0.5))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--days", type=int, help="serve only so many days, from the end of January on")
    days = parser.parse_args().days
    # An example is no package: its folder is where its modules are found.
    sys.path.insert(0, str(EXAMPLE))
    from auc import roc_auc
    from flights import load_flights
    from span import Span

    span = Span.year()
    flights = span.of(load_flights())
    if days is not None:
        flights = [flight for flight in flights if flight.predict_at < span.serves_from + days * DAY]
    served, labels = run(flights, span.serves_from)
    best = roc_auc(labels, served[WATCH].scores)
    for name, one in served.items():
        auc = roc_auc(labels, one.scores)
        if auc is None or best is None:
            raise SystemExit("too few flights: none was late, or all were")
        print(
            Figure(
                f"sync_interval_auc: {name}",
                round(auc, 4),
                "ROC AUC",
                "watch: each version as it is published",
                round(best, 4),
                round(auc / best, 4),
                note=f"{len(labels)} flights of 2013 served and landed; weights were taken {one.takes} times",
            ).line(),
            flush=True,
        )


if __name__ == "__main__":
    main()
