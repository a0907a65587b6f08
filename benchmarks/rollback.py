"""Rollback: from the operator's call until every serving process answers with the older version.

Beside it the time for asking every process once, which is how often the answers are looked at.
"""

from __future__ import annotations

import time
from itertools import islice

import numpy as np

from benchmarks import workload
from benchmarks.figures import bounded
from benchmarks.stack import Stack, running_stack
from riverrun.client import Client

REPLICAS = 4
TIMES = 20
LEARNED = 100
MODEL = workload.PHISHING.name


def versions(clients: list[Client]) -> set[int]:
    """The versions that the processes answer with now."""
    features, _ = next(workload.endless())
    return {client.predict(MODEL, features).model_version for client in clients}


def until(clients: list[Client], version: int) -> float:
    """Seconds until all answer with `version`."""
    begun = time.perf_counter()
    while versions(clients) != {version}:
        if time.perf_counter() - begun > 60:
            raise TimeoutError(f"not every process answers with version {version}")
    return time.perf_counter() - begun


def learned(client: Client, count: int) -> int:
    """The version that learned `count` examples in all."""
    while (newest := client.versions(MODEL)[0]).examples < count:
        time.sleep(0.05)
    return newest.version


def measure(stack: Stack) -> tuple[list[float], list[float]]:
    """Milliseconds of each rollback, and of each look at all processes."""
    urls = [f"http://127.0.0.1:{port}" for port in stack.rest_ports]
    clients = [Client(server=stack.server, serving=url) for url in urls]
    steering = clients[0]
    rows = islice(workload.endless(), 2 * LEARNED)
    entries = [{"features": features, "label": label} for features, label in rows]
    steering.feedback_many(MODEL, entries[:LEARNED])
    older = learned(steering, LEARNED)
    steering.feedback_many(MODEL, entries[LEARNED:])
    newest = learned(steering, 2 * LEARNED)
    until(clients, newest)
    took_ms, look_ms = [], []
    for _ in range(TIMES):
        begun = time.perf_counter()
        steering.rollback(MODEL, to=older)
        until(clients, older)
        took_ms.append(1000 * (time.perf_counter() - begun))
        begun = time.perf_counter()
        versions(clients)
        look_ms.append(1000 * (time.perf_counter() - begun))
        steering.resume(MODEL)
        until(clients, newest)
    for client in clients:
        client.close()
    return took_ms, look_ms


def main() -> None:
    with running_stack(workload.PHISHING.spec, REPLICAS) as stack:
        took_ms, look_ms = measure(stack)
    for quantile in (50, 100):
        figure = bounded(
            f"rollback_{'p50' if quantile == 50 else 'longest'}",
            float(np.percentile(took_ms, quantile)),
            "ms",
            at_most=1000,
            reference=f"asking each of {REPLICAS} processes once",
            reference_value=float(np.percentile(look_ms, quantile)),
            note=f"{TIMES} rollbacks, {REPLICAS} serving processes",
        )
        print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
