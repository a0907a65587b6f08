"""The verdict on a soak: what grows is found, what only jumps about or warms up is not."""

from __future__ import annotations

import math
from typing import Any

from benchmarks.soak.verdict import MIB, judge

SECONDS, EVERY_S = 7200, 10
LABELS = {"acknowledged": {"linear": 10}, "learned": {"linear": 10}}


def samples(leak_per_hour: float = 0.0, killed_at: int = 0, slower_ms: float = 0.0) -> list[dict[str, Any]]:
    """Two hours of one process that warms up for minutes, and jumps about after that."""
    found = []
    for at_s in range(0, SECONDS, EVERY_S):
        age_s = at_s - (killed_at if at_s >= killed_at else 0)
        warm = 100 * (1 - math.exp(-age_s / 300))
        rss = 200 + warm + 3 * math.sin(at_s) + leak_per_hour * age_s / 3600
        found.append(
            {
                "at_s": at_s,
                "processes": {
                    "trainer": {"pid": int(at_s >= killed_at), "rss": rss * MIB, "files": 20, "threads": 8}
                },
                "disk": {"versions": 5 * MIB, "events": 5 * MIB, "copies": 0},
                "latency_ms": {
                    kind: {"p50": 3 + slower_ms * at_s / SECONDS, "p99": 30.0}
                    for kind in ("REST", "gRPC", "feedback")
                },
                "freshness_ms": {"linear": {"p50": 20.0}},
                "counts": {},
            }
        )
    return found


def grown(found: list[dict[str, Any]]) -> list[str]:
    return [trend.name for trend in judge(found, [], LABELS).trends if not trend.flat]


def test_what_only_warms_up_and_jumps_about_is_flat() -> None:
    assert grown(samples()) == []


def test_a_leak_is_found_and_measured() -> None:
    verdict = judge(samples(leak_per_hour=40), [], LABELS)

    [memory] = [trend for trend in verdict.trends if not trend.flat]
    assert memory.name == "trainer: memory"
    assert 38 < memory.slope < 45
    assert not verdict.holds


def test_a_leak_is_found_in_the_longest_life_of_a_process_that_was_killed() -> None:
    assert grown(samples(leak_per_hour=40, killed_at=2000)) == ["trainer: memory"]


def test_answers_that_become_slower_are_found() -> None:
    assert grown(samples(slower_ms=9)) == ["REST: p50", "gRPC: p50", "feedback: p50"]


def test_latencies_just_after_a_kill_say_nothing() -> None:
    found = samples()
    for one in found[-200:]:
        one["latency_ms"]["REST"]["p50"] = 1000.0
    kills = [{"at_s": one["at_s"], "what": "killed trainer"} for one in found[-200:]]

    assert all(trend.flat for trend in judge(found, kills, LABELS).trends)


def test_a_label_that_was_not_learned_and_an_answer_that_never_came_are_problems() -> None:
    found = samples()
    found[-1]["counts"]["gRPC unanswered"] = 2

    verdict = judge(found, [], {"acknowledged": {"linear": 10}, "learned": {"linear": 9}})

    assert verdict.problems == (
        "2 x gRPC unanswered",
        "linear learned 9 examples of the 10 that were acknowledged",
    )
    assert not verdict.holds
