"""The flights' model in a bare River loop: ROC AUC by how often weights would reach serving.

Nothing of riverrun is used here: it says what the served predictions of the demo should come to.
"""

from __future__ import annotations

import argparse
import copy
from typing import Any

from auc import ScoreRecord
from flights import Flight, by_minute, load_flights
from river import compose, linear_model, optim, preprocessing
from span import Span

MINUTES = {"hourly": 60, "daily": 24 * 60, "weekly": 7 * 24 * 60}


def build_model() -> Any:
    """What model.yaml declares."""
    distance = compose.Select("distance") | preprocessing.StandardScaler()
    timetable = compose.Select("carrier", "origin", "dest", "hour", "weekday") | preprocessing.OneHotEncoder()
    return (distance + timetable) | linear_model.LogisticRegression(optimizer=optim.SGD(0.05))


def run(flights: list[Flight], span: Span) -> ScoreRecord:
    """Serve and learn the flights of `span` in the order in which they happened."""
    learning = build_model()
    record = ScoreRecord(("at once", *MINUTES, "never"), window=1)
    copies: dict[str, tuple[int, Any]] = {}
    for minute in by_minute(span.of(flights)):
        if minute.at >= span.serves_from:
            for cadence, length in MINUTES.items():
                if cadence not in copies or copies[cadence][0] != minute.at // length:
                    copies[cadence] = (minute.at // length, copy.deepcopy(learning))
            if "never" not in copies:
                copies["never"] = (0, copy.deepcopy(learning))
            served = [learning, *(copies[name][1] for name in (*MINUTES, "never"))]
            for flight in minute.departures:
                chances = [model.predict_proba_one(flight.features)[True] for model in served]
                record.served(flight.flight_id, chances)
        for flight in minute.landings:
            record.landed(flight.flight_id, bool(flight.late))
            learning.learn_one(flight.features, flight.late)
    return record


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--all", action="store_true", help="the whole year, learning in January")
    record = run(load_flights(), Span.year() if parser.parse_args().all else Span.default())
    print(f"{record.labelled} flights, ROC AUC by when weights reach serving:")
    for cadence, auc in record.overall().items():
        print(f"  {cadence:8} {auc:.3f}")


if __name__ == "__main__":
    main()
