"""How far a line has learned, and what of that no version holds yet."""

from __future__ import annotations

from collections.abc import Sequence

from riverrun.core.events import Arrivals
from riverrun.core.joining import JoinedExample
from riverrun.core.predictions import FeatureValue
from riverrun.core.units import Delta
from riverrun_trainer.captured import Captured
from riverrun_trainer.where import Where, where_of


class Progress:
    """Counts what was learned: all of the line, and since the last capture.

    A capture that was kept back counts as none: the next one begins where it began.
    """

    def __init__(self, examples: int = 0, watermark_ns: int = 0) -> None:
        self.examples = examples
        """Examples learned in the line so far."""

        self.learned = 0
        """Examples learned since the last capture."""

        self.last: Where | None = None
        """The last example that was learned; None while none was."""

        self.watermark_ns = watermark_ns
        """The latest event time that was learned."""

        self.touched: dict[str, FeatureValue] = {}
        """Each feature that was learned from since the last capture, with its newest value."""

        self._oldest_ns = self._newest_ns = 0
        self._kept_back: Delta | None = None

    @property
    def arrivals(self) -> Arrivals:
        """When the first and the last of what was learned since the last capture were received."""
        return Arrivals(self._oldest_ns, self._newest_ns)

    def take(self, batch: Sequence[JoinedExample]) -> None:
        """`batch`, which has at least one example, is learned."""
        for one in batch:
            event = one.event
            received_ns = event.received_ns
            if received_ns < self._oldest_ns or not self._oldest_ns:
                self._oldest_ns = received_ns
            if received_ns > self._newest_ns:
                self._newest_ns = received_ns
            if event.time_ns > self.watermark_ns:
                self.watermark_ns = event.time_ns
            self.touched.update(one.example.features)
        self.last = where_of(batch[-1])
        self.examples += len(batch)
        self.learned += len(batch)

    def since_kept_back(self, delta: Delta) -> Delta:
        """`delta`, which leads on from the last capture, from where a capture that was kept back began."""
        return delta if self._kept_back is None else self._kept_back.then(delta)

    def start_anew(self) -> None:
        """All so far is captured."""
        self.learned = 0
        self._oldest_ns = self._newest_ns = 0
        # Not cleared: a learner may still hold the row that it was asked for.
        self.touched = {}
        self._kept_back = None

    def keep_back(self, captured: Captured) -> None:
        """`captured`, the last one, is not pushed."""
        self._kept_back = captured.delta
        self.learned += captured.learned
        if captured.arrivals.oldest_ns:
            self._oldest_ns = captured.arrivals.oldest_ns
            self._newest_ns = max(self._newest_ns, captured.arrivals.newest_ns)
