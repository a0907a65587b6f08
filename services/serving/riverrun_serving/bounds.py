"""What clients are held to, so that none of them costs the others more than its share."""

from __future__ import annotations

from collections.abc import Sequence

from riverrun.runtime import metrics
from riverrun.runtime.http_protocol import MAX_CHUNKS, MAX_HEAD_BYTES, HttpBounds
from riverrun.runtime.queue_gate import QueueGate
from riverrun.runtime.round_budget import RoundBudget
from riverrun_serving.core.traffic import Traffic
from riverrun_serving.rest_edge.places import is_prediction, place_of
from riverrun_serving.settings import ServingSettings

BESIDE_BYTES = 512 << 10
"""What a request may take beside its body, for the sizes of its chunks; one read brings 256 KiB at most."""


def _answer(status: str, header: str, error: str) -> bytes:
    body = f'{{"error":"{error}"}}'
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{header}\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n{body}".encode()


REFUSAL = _answer("503 Service Unavailable", "retry-after: 1", "the process is overloaded: try again later")


def http_bounds(settings: ServingSettings, traffic: Traffic, rounds: RoundBudget) -> HttpBounds:
    """Those of the REST port. Probes, metrics and feedback are never refused: only predictions queue."""
    refused = metrics.REFUSED.labels("OVERLOADED")

    def count(path: str) -> None:
        refused.inc()
        traffic.count(*place_of(path), "503", 0.0)

    return HttpBounds(
        receive_s=settings.receive_s,
        max_connections=settings.max_connections,
        max_bytes=settings.max_body_bytes + BESIDE_BYTES,
        too_large=_answer(
            "413 Content Too Large",
            "connection: close",
            f"request: over the limit of {MAX_HEAD_BYTES} bytes for its head, or of "
            f"{settings.max_body_bytes + BESIDE_BYTES} bytes and {MAX_CHUNKS} chunks in all",
        ),
        gate=QueueGate(settings.queue_standing_s, settings.queue_burst_s, settings.queue_requests),
        rounds=rounds,
        is_gated=is_prediction,
        refusal=REFUSAL,
        on_refused=count,
    )


def grpc_bounds(settings: ServingSettings) -> Sequence[tuple[str, int]]:
    """Those of the gRPC port that are options of gRPC's core.

    How long calls wait there is not to be seen from here: their number is bounded (`queue_requests`), and
    their deadlines bound the wait.
    """
    return [
        ("grpc.server_handshake_timeout_ms", int(1000 * settings.receive_s)),
        ("grpc.max_connection_idle_ms", IDLE_MS),
    ]


IDLE_MS = 30_000
"""A gRPC connection without calls is closed after this, as one of HTTP/1.1 is; clients open another by
themselves with their next call."""
