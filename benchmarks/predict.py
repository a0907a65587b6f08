"""Single predictions over REST and gRPC, beside a bare echo of the same payload on the same core.

Each server has core 0 to itself while it is asked, and the client has core 1. A client in Python is no
faster than the servers, so what is compared is answers per second of the *server's* CPU time; the
figures a client saw are in the note. The rounds alternate, and the median of each is taken. REST is asked
over 32 connections and over one, and with each prediction logged for a label to come.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from tritonclient.grpc import service_pb2

from benchmarks import grpc_load, http_load, workload
from benchmarks.figures import Figure, against
from benchmarks.http_load import Load, post
from benchmarks.processes import cpu_seconds, listening, pin, python, running, wait_until
from benchmarks.reference import echo_grpc
from benchmarks.stack import Stack, running_stack
from riverrun.cli.up.ports import free_ports

SERVER_CORE, CLIENT_CORE = {0}, {1}
CONCURRENCY = 8
MANY = 32
ROUNDS = 5
ROUND_S = 3.0
INFER = "/inference.GRPCInferenceService/ModelInfer"
TAUGHT = 1250


@dataclass(frozen=True, slots=True)
class Round:
    """What one round showed of one server."""

    per_cpu_second: float
    load: Load


def measure(pids: Sequence[int], ask: Callable[[], Load]) -> Round:
    """Ask for a round the server that is the processes `pids`."""
    before = cpu_seconds(pids)
    load = ask()
    return Round(len(load.latencies_s) / (cpu_seconds(pids) - before), load)


def http(port: int, message: bytes, in_flight: int = CONCURRENCY) -> Load:
    """A round over HTTP."""
    return asyncio.run(http_load.closed_loop(port, message, concurrency=in_flight, seconds=ROUND_S))


def grpc(port: int, method: str, message: bytes) -> Load:
    """A round over gRPC."""
    return asyncio.run(grpc_load.closed_loop(port, method, message, concurrency=CONCURRENCY, seconds=ROUND_S))


def infer_request(features: dict[str, float]) -> bytes:
    """One row as a ModelInfer request, encoded."""
    request = service_pb2.ModelInferRequest(model_name=workload.NAME)
    for name, value in features.items():
        tensor = request.inputs.add(name=name, datatype="FP64", shape=[1])
        tensor.contents.fp64_contents.append(value)
    return bytes(request.SerializeToString())


def teach(rest_port: int) -> None:
    """Let the model learn a little, so that answering costs what it costs in use."""
    rows = workload.rows()[:TAUGHT]
    lines = "\n".join(json.dumps({"features": features, "label": label}) for features, label in rows)
    message = post(f"/v1/models/{workload.NAME}:feedback", lines.encode(), "application/x-ndjson")

    async def send() -> None:
        async with http_load.connections(rest_port, 1) as [connection]:
            status, body = await connection.request(message)
            if status != 202:
                raise RuntimeError(f"feedback was answered {status}: {body[:200]!r}")

    asyncio.run(send())


def compare(
    name: str,
    reference: str,
    ours: Callable[[], Round],
    theirs: Callable[[], Round],
    *,
    at_least: float,
    in_flight: int = CONCURRENCY,
) -> Figure:
    """Both in turns, and the medians side by side."""
    rounds = [(ours(), theirs()) for _ in range(ROUNDS)]
    mine, other = zip(*rounds, strict=True)
    latencies = np.concatenate([one.load.latencies_s for one in mine]) * 1000
    rate = statistics.median(one.load.per_second for one in mine)
    other_rate = statistics.median(one.load.per_second for one in other)
    client = statistics.median(one.load.client_cpu_s / one.load.seconds for one in mine)
    return against(
        name,
        statistics.median(one.per_cpu_second for one in mine),
        "answers/CPU-s",
        reference=reference,
        reference_value=statistics.median(one.per_cpu_second for one in other),
        at_least=at_least,
        note=(
            f"{rate:.0f} answers/s of wall time ({other_rate:.0f} by the reference), "
            f"{in_flight} in flight, "
            f"p50 {np.percentile(latencies, 50):.2f} ms, p99 {np.percentile(latencies, 99):.2f} ms, "
            f"client at {client:.0%} of its core"
        ),
    )


LABELLED = "label: {window: 10m}\n"
"""What a spec has whose predictions are logged."""


@contextmanager
def taught(extra: str = "") -> Iterator[Stack]:
    """A stack whose serving process has its core to itself and answers with a model that learned a little."""
    with running_stack(workload.spec("{every: 1s}") + extra) as stack:
        teach(stack.rest_ports[0])
        pin(stack.pid("serving-0"), SERVER_CORE)
        for label in ("trainer", "param-server"):
            pin(stack.pid(label), CLIENT_CORE)
        os.sched_setaffinity(0, CLIENT_CORE)
        yield stack


def figures() -> Iterator[Figure]:
    """REST and gRPC."""
    features, _ = workload.rows()[0]
    body = json.dumps({"features": features}).encode()
    row = infer_request(features)
    echo_http_port, echo_grpc_port = free_ports(2)
    with tempfile.TemporaryDirectory(prefix="riverrun-bench-") as name, ExitStack() as started:
        folder = Path(name)
        echo_http_command = python("uvicorn", "benchmarks.reference.echo_http:app", "--no-access-log")
        echoes = [
            started.enter_context(running(command, folder / log, cores=SERVER_CORE))
            for command, log in (
                ([*echo_http_command, "--port", str(echo_http_port)], "echo-http.log"),
                (python("benchmarks.reference.echo_grpc", str(echo_grpc_port)), "echo-grpc.log"),
            )
        ]
        for port in (echo_http_port, echo_grpc_port):
            wait_until(partial(listening, port), "the echo servers")
        predict, echo = post(f"/v1/models/{workload.NAME}:predict", body), post("/echo", body)

        def over_rest(stack: Stack, name: str, in_flight: int, at_least: float) -> Figure:
            serving, [port] = stack.pid("serving-0"), stack.rest_ports
            return compare(
                name,
                "FastAPI echo of a validated dict body",
                lambda: measure([serving], lambda: http(port, predict, in_flight)),
                lambda: measure([echoes[0].pid], lambda: http(echo_http_port, echo, in_flight)),
                at_least=at_least,
                in_flight=in_flight,
            )

        with taught() as stack:
            yield over_rest(stack, "predict_rest", MANY, 1.5)
            yield over_rest(stack, "predict_rest_one_connection", 1, 1.1)
            yield compare(
                "predict_grpc",
                "bare grpc.aio echo of the same ModelInfer request",
                lambda: measure([stack.pid("serving-0")], lambda: grpc(stack.grpc_ports[0], INFER, row)),
                lambda: measure([echoes[1].pid], lambda: grpc(echo_grpc_port, echo_grpc.METHOD, row)),
                at_least=1.0,
            )
        with taught(LABELLED) as stack:
            yield over_rest(stack, "predict_rest_logged", MANY, 1.5)


def main() -> None:
    for figure in figures():
        print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
