"""The gate of a queue: how many requests may wait, by how long one takes now."""

from __future__ import annotations

from riverrun.runtime.queue_gate import MIN_WAITING, QueueGate


class Server:
    """Answers one request after another, each in `service_s`; its requests come by a clock of its own."""

    def __init__(self, service_s: float, **bounds: float) -> None:
        self.service_s = service_s
        self.gate = QueueGate(bounds.get("standing_s", 0.05), bounds.get("burst_s", 0.25), 1000)
        self.now = 100.0
        self.waits: list[float] = []
        self.refused = 0
        self._came: list[float] = []

    def come(self, count: int) -> int:
        """How many of `count` requests at once are let in."""
        let_in = sum(self.gate.enter(self.now) for _ in range(count))
        self._came += [self.now] * let_in
        self.refused += count - let_in
        return let_in

    def work(self, seconds: float, per_second: float) -> None:
        """Answer for `seconds` while so many requests come."""
        end, due = self.now + seconds, 0.0
        while self.now < end:
            due += per_second * self.service_s
            self.come(int(due))
            due -= int(due)
            self.now += self.service_s
            if self._came:
                self.waits.append(self.now - self._came.pop(0))
                self.gate.leave(self.now)


def test_below_capacity_nobody_is_refused() -> None:
    server = Server(0.001)

    server.work(5.0, per_second=900)

    assert server.refused == 0


def test_three_times_capacity_is_answered_at_full_rate_and_within_the_standing_wait() -> None:
    server = Server(0.001)
    server.work(1.0, per_second=3000)
    server.waits.clear()

    server.work(5.0, per_second=3000)

    assert len(server.waits) >= 0.99 * 5000
    assert max(server.waits) <= 0.05 + 2 * 0.001


def test_a_burst_into_an_empty_queue_is_taken_whole_and_the_same_into_a_standing_one_is_not() -> None:
    calm, busy = Server(0.001), Server(0.001)
    calm.work(2.0, per_second=500)
    busy.work(2.0, per_second=3000)

    assert calm.come(150) == 150
    assert busy.come(150) <= 1


def test_the_limit_follows_how_long_a_request_takes() -> None:
    server = Server(0.001)
    server.work(2.0, per_second=3000)
    fast = server.gate.limit(server.now)

    server.service_s = 0.005
    server.work(5.0, per_second=3000)

    assert 40 <= fast <= 55
    assert 8 <= server.gate.limit(server.now) <= 11


def test_after_overload_a_normal_rate_is_let_in_at_once() -> None:
    server = Server(0.001)
    server.work(5.0, per_second=3000)
    server.work(0.2, per_second=0)
    server.refused = 0

    server.work(5.0, per_second=900)

    assert server.refused == 0


def test_one_very_slow_answer_does_not_shut_the_gate() -> None:
    gate = QueueGate(0.05, 0.25, 1000)

    assert gate.enter(0.0)
    gate.leave(60.0)

    assert gate.limit(60.0) >= 50
    assert all(gate.enter(60.0) for _ in range(50))


def test_however_slow_some_may_always_wait_and_however_fast_no_more_than_the_bound() -> None:
    slow, fast = Server(10.0), QueueGate(0.05, 0.25, 20)
    slow.work(600.0, per_second=1)

    assert slow.gate.limit(slow.now) == MIN_WAITING
    assert sum(fast.enter(0.0) for _ in range(100)) == 20
    assert fast.waiting == 20
