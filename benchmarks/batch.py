"""A batch of 1,024 rows over REST, beside the NumPy expression behind a bare route, on the same core.

As in `benchmarks.predict`, answers per second of the server's CPU time are compared, in turns.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks import workload
from benchmarks.figures import Figure
from benchmarks.http_load import post
from benchmarks.predict import SERVER_CORE, compare, http, measure, taught
from benchmarks.processes import listening, python, running, wait_until
from riverrun.cli.up.ports import free_ports

ROWS = 1024
TARGET = 0.5

IN_FLIGHT = 2
"""More of such batches on one core would stand in a queue that serving keeps short."""


def figures() -> Iterator[Figure]:
    """One figure: the batch."""
    rows = [features for features, _ in workload.rows()[:ROWS]]
    body = json.dumps({"instances": rows}).encode()
    [port] = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="riverrun-bench-") as name, ExitStack() as started:
        command = python("uvicorn", "benchmarks.reference.numpy_route:app", "--no-access-log")
        bare = started.enter_context(
            running([*command, "--port", str(port)], Path(name) / "bare.log", cores=SERVER_CORE)
        )
        wait_until(partial(listening, port), "the bare route")
        stack = started.enter_context(taught())
        predict = post(f"/v1/models/{workload.NAME}:predict", body)
        yield compare(
            "predict_batch",
            f"the NumPy expression for {ROWS} rows behind a bare ASGI route",
            lambda: measure([stack.pid("serving-0")], lambda: http(stack.rest_ports[0], predict, IN_FLIGHT)),
            lambda: measure([bare.pid], lambda: http(port, post("/", body), IN_FLIGHT)),
            at_least=TARGET,
            in_flight=IN_FLIGHT,
        )


def main() -> None:
    for figure in figures():
        print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
