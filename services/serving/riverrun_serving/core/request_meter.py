"""What requests came to: counted for Prometheus by model and protocol, and for each channel's statistics."""

from __future__ import annotations

import time
from dataclasses import dataclass

from prometheus_client import Counter

from riverrun.runtime import metrics, tracing
from riverrun_serving.core.model_slot import ModelSlot


@dataclass(frozen=True, slots=True)
class ChannelStatistics:
    """What one channel answered since this process began to serve it.

    `version` is None before the first. `last_ms` is the Unix time of the last answer in milliseconds, 0
    before the first.
    """

    model: str
    version: int | None
    rows: int
    answered: int
    answered_ns: int
    failed: int
    failed_ns: int
    last_ms: int


class RequestMeter:
    """Counts the requests of one protocol. Times are of `time.perf_counter`."""

    def __init__(self, protocol: str) -> None:
        self._protocol = protocol
        # Looking up a metric's child by its labels takes a lock and a dict each time: once is enough.
        self._rows: dict[str, Counter] = {}

    def answered(self, slot: ModelSlot, rows: int, begun: float) -> None:
        """Count a request for `rows` rows that began at `begun` and is answered now."""
        counter = self._rows.get(slot.model)
        if counter is None:
            counter = self._rows[slot.model] = metrics.PREDICTIONS.labels(slot.model, self._protocol)
        counter.inc(rows)
        now = time.perf_counter()
        meter = slot.meter
        meter.rows += rows
        meter.answered += 1
        meter.answered_s += now - begun
        meter.last_at = now
        if tracing.is_on():
            version = 0 if slot.current is None else slot.current.version
            tracing.describe(
                {
                    tracing.MODEL: slot.model,
                    tracing.CHANNEL: slot.channel,
                    tracing.VERSION: version,
                    tracing.ROWS: rows,
                }
            )

    def failed(self, slot: ModelSlot, begun: float) -> None:
        """Count a request that began at `begun` and is refused now."""
        slot.meter.failed += 1
        slot.meter.failed_s += time.perf_counter() - begun


def statistics_of(slot: ModelSlot) -> ChannelStatistics:
    """What `slot` answered so far, over all protocols."""
    meter = slot.meter
    return ChannelStatistics(
        model=slot.model,
        version=None if slot.current is None else slot.current.version,
        rows=meter.rows,
        answered=meter.answered,
        answered_ns=int(meter.answered_s * 1e9),
        failed=meter.failed,
        failed_ns=int(meter.failed_s * 1e9),
        # Wall-clock time is asked for here, and not by each answer.
        last_ms=int(1000 * (time.time() - (time.perf_counter() - meter.last_at))) if meter.answered else 0,
    )
