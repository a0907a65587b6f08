"""How far time has come in what was read: the log's clock, or the times that events say of themselves."""

from __future__ import annotations

from collections import deque


class Watermark:
    """Only grows. `reach` says up to which time of the log's clock all streams were taken.

    By the log's clock the watermark is that time. By the events' own it is the latest event time among the
    events that were received up to then: one stream that is read ahead of another does not move it.
    """

    def __init__(self, *, by_events: bool, start_ns: int = 0) -> None:
        self._by_events = by_events
        self._latest_ns = start_ns
        # Ascending in both: when an event was received, and its time where that was the latest so far.
        self._ahead: deque[tuple[int, int]] = deque()
        self.now_ns = start_ns

    def saw(self, received_ns: int, time_ns: int) -> None:
        """An event was taken; `reach` may make it count."""
        if self._by_events and time_ns > self._latest_ns:
            self._latest_ns = time_ns
            self._ahead.append((received_ns, time_ns))

    def reach(self, covered_ns: int) -> int:
        """The watermark, now that all events received up to `covered_ns` were taken."""
        if not self._by_events:
            self.now_ns = max(self.now_ns, covered_ns)
            return self.now_ns
        ahead = self._ahead
        while ahead and ahead[0][0] <= covered_ns:
            self.now_ns = max(self.now_ns, ahead.popleft()[1])
        return self.now_ns
