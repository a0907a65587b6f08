"""A pipeline that sent swapped labels is repaired; a retrain from the repair on takes over from live.

Needs a running stack: ``riverrun up --file examples/retraining/model.yaml``. Scores are of answers that
serving gave.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from riverrun.client import Client
from riverrun.core.retraining import RetrainState

sys.path.append(str(Path(__file__).resolve().parent.parent / "late-flights"))

from flights import Flight, load_flights  # of the example beside this one

MODEL = "counted-flights"
SENT_TOGETHER = 250


def known(flights: list[Flight]) -> Iterator[Flight]:
    """The flights that landed, by when that was known."""
    landed = [flight for flight in flights if flight.landed_at is not None]
    return iter(sorted(landed, key=lambda flight: (flight.landed_at or 0, flight.flight_id)))


def features_of(flight: Flight) -> dict[str, float | str]:
    return {name: value for name, value in flight.features.items() if name != "distance"}


def send(client: Client, flights: list[Flight], *, swapped: bool = False) -> None:
    """Tell how `flights` ended, or the contrary."""
    for start in range(0, len(flights), SENT_TOGETHER):
        client.feedback_many(
            MODEL,
            [
                {"features": features_of(one), "label": bool(one.late) ^ swapped, "event_id": one.flight_id}
                for one in flights[start : start + SENT_TOGETHER]
            ],
        )


def brier(client: Client, flights: list[Flight]) -> float:
    """The mean Brier score of what serving answers for `flights`: 0 is perfect, lower is better."""
    total = 0.0
    for start in range(0, len(flights), SENT_TOGETHER):
        part = flights[start : start + SENT_TOGETHER]
        answers = client.predict_many(MODEL, [features_of(one) for one in part]).predictions
        for flight, answer in zip(part, answers, strict=True):
            share = (answer.probabilities or {}).get("true", 0.0)
            total += (share - bool(flight.late)) ** 2
    return total / len(flights)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("riverrun-data"), help="data folder of the stack")
    parser.add_argument("--swapped", type=int, default=6_000, help="flights whose labels are swapped")
    parser.add_argument("--right", type=int, default=3_000, help="right ones before the retrain starts")
    arguments = parser.parse_args()
    flights = known(load_flights())
    with Client(data=arguments.data) as client:
        send(client, list(islice(flights, arguments.swapped)), swapped=True)
        repaired = datetime.datetime.now(datetime.UTC)
        send(client, list(islice(flights, arguments.right)))
        print(f"{arguments.swapped:,} flights with swapped labels, then {arguments.right:,} right ones")

        probes = list(islice(flights, 2_000))
        print(f"Brier score of live on the next 2,000: {brier(client, probes):.4f}")
        retrain = client.start_retrain(MODEL, "labels were swapped until now", since=repaired)
        begun, sent = time.monotonic(), 0
        while retrain.state is RetrainState.RUNNING:
            if retrain.progress is not None and retrain.progress.behind < SENT_TOGETHER:
                send(client, list(islice(flights, SENT_TOGETHER)))
                sent += SENT_TOGETHER
            time.sleep(0.1)
            retrain = client.retrains(MODEL)[0]
        took_s = time.monotonic() - begun
        print(f"the retrain {retrain.state.value} after {took_s:.0f} s and {sent:,} more flights:")
        print(f"  {retrain.outcome}")

        probes = list(islice(flights, 2_000))
        print(f"Brier score of live on the next 2,000: {brier(client, probes):.4f}")


if __name__ == "__main__":
    main()
