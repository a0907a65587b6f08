"""An ideal that cannot exist: a model that knows each flight's label the moment it has predicted it.

What served predictions are worth less than these is what waiting for the landing costs, and all else.
"""

from __future__ import annotations

from collections.abc import Sequence

from auc import ScoreRecord
from flights import Flight, by_minute
from plain_loop import build_model
from span import Span

INSTANT = "instant labels"
DAY = 24 * 60


def instant_labels(
    flights: Sequence[Flight], span: Span, window: int
) -> tuple[float | None, list[tuple[int, float]]]:
    """ROC AUC over the served span; and over the newest `window` flights, by the minute of each midnight."""
    model = build_model()
    record = ScoreRecord((INSTANT,), window)
    days: list[tuple[int, float]] = []
    today = None
    for minute in by_minute(flights):
        serves = minute.at >= span.serves_from
        if serves and minute.at // DAY != today:
            rolling = record.rolling()[INSTANT]
            if rolling is not None and today is not None:
                days.append((minute.at, rolling))
            today = minute.at // DAY
        for flight in minute.departures:
            if serves:
                chance = model.predict_proba_one(flight.features).get(True, 0.5)
                record.served(flight.flight_id, [chance])
            if flight.late is not None:
                model.learn_one(flight.features, flight.late)
        for flight in minute.landings:
            record.landed(flight.flight_id, bool(flight.late))
    return record.overall()[INSTANT], days
