"""An experiment on the flights: what is learning on worth, beside the model as it was at the start?

Three arms: the live model, the live model once more (which must not differ), and the model frozen where it
is now. Each flight is predicted half an hour before its scheduled departure, its id being the key, and its
label comes when it has landed. Needs a stack: ``riverrun up -f examples/late-flights/model.yaml``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from flights import Minute, by_minute, load_flights
from span import Span

from riverrun.client import Client
from riverrun.core.experiments import Arm, Experiment, Guardrail, Judged, Pace

MODEL = "late-flights"
ARMS = (Arm("now", 0.4, "live"), Arm("same", 0.2, "live"), Arm("frozen", 0.4, "", Pace.FROZEN))
LOT = 200


def replay(client: Client, minutes: Iterable[Minute], limit: int) -> int:
    """Serve `limit` flights in the order in which they happened, and tell who came late; how many landed."""
    served: set[str] = set()
    told = 0
    labels: list[dict[str, object]] = []
    for minute in minutes:
        at = datetime.fromtimestamp(minute.at * 60, UTC)
        for flight in minute.departures:
            if len(served) < limit:
                served.add(flight.flight_id)
                client.predict(MODEL, flight.features, id=flight.flight_id, key=flight.flight_id, time=at)
        labels += [
            {"id": flight.flight_id, "label": bool(flight.late), "time": at.isoformat()}
            for flight in minute.landings
            if flight.flight_id in served
        ]
        if len(labels) >= LOT or (labels and len(served) == limit):
            told += client.feedback_many(MODEL, labels).accepted
            labels = []
    return told


def judged(client: Client, name: str, labels: int, within_s: float = 60.0) -> None:
    """Wait until so many labels of the experiment are judged, or no more come."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        results = client.experiment(MODEL, name).results
        if results is not None and sum(arm.answers for arm in results.arms) >= labels:
            return
        time.sleep(0.5)


def begun(client: Client, name: str) -> Experiment:
    """The experiment, once serving answers by its arms."""
    experiment = client.start_experiment(
        MODEL, name, ARMS, guardrails=[Guardrail(Judged.LOSS, 0.5)], reason="what is learning on worth?"
    )
    row = load_flights()[0].features
    while client.predict(MODEL, row, key="probe").arm is None:
        time.sleep(0.1)
    return experiment


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("riverrun-data"), help="data folder of riverrun up")
    parser.add_argument("--name", default="learning-on", help="what to call the experiment")
    parser.add_argument("--flights", type=int, default=4_000, help="how many are served")
    asked = parser.parse_args()
    with Client(data=asked.data) as client:
        begun(client, asked.name)
        told = replay(client, by_minute(Span.default().of(load_flights())), asked.flights)
        judged(client, asked.name, told)
    print(f"{told} labels told. riverrun experiment status {MODEL}, report, or stop {MODEL} {asked.name}")


if __name__ == "__main__":
    main()
