"""When a retrain is due: pure decisions on what is known of a line.

How often one may start at all (cool-down, budget, one at a time) is for whoever keeps the retrains to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from riverrun.core.spec.triggers import ANY_DETECTOR, TriggerSpec


@dataclass(frozen=True, slots=True)
class Found:
    """A drift: when the example at which it was found was received by the log, and its own time."""

    received_ns: int
    time_ns: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a line at `now_ns`, the time of the log: `examples` learned, the newest `metrics`, and
    of each detector the newest drift that it found. Times are Unix nanoseconds."""

    now_ns: int
    examples: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    drifts: Mapping[str, Found] = field(default_factory=dict)


class Since(msgspec.Struct, frozen=True):
    """What conditions are counted from: the retrain before, or the beginning of the line."""

    at_ns: int
    examples: int = 0


@dataclass(frozen=True, slots=True)
class Due:
    """A retrain is due, for `reason`. It learns only examples whose time is not before `since_ns`; 0: all."""

    reason: str
    since_ns: int = 0


def due(when: Sequence[TriggerSpec], facts: Facts, since: Since) -> Due | None:
    """The first of `when` that holds, None where none does."""
    for trigger in when:
        if all(_holds(part, facts, since) for part in trigger.parts()):
            found = [_drift(part, facts, since) for part in trigger.parts() if part.since_drift]
            since_ns = max((drift.time_ns for drift in found if drift is not None), default=0)
            return Due(trigger.describe(), since_ns)
    return None


def _holds(trigger: TriggerSpec, facts: Facts, since: Since) -> bool:
    if trigger.drift is not None:
        return _drift(trigger, facts, since) is not None
    if trigger.metric is not None:
        value = facts.metrics.get(trigger.metric)
        if value is None:
            return False
        return value < trigger.below if trigger.below is not None else value > (trigger.above or 0.0)
    if trigger.schedule is not None:
        period_ns, at_ns = int(trigger.schedule * 1e9), int(trigger.at * 1e9)
        return (facts.now_ns - at_ns) // period_ns > (since.at_ns - at_ns) // period_ns
    if trigger.examples is not None:
        return facts.examples - since.examples >= trigger.examples
    return facts.now_ns - since.at_ns >= int((trigger.stale or 0.0) * 1e9)


def _drift(trigger: TriggerSpec, facts: Facts, since: Since) -> Found | None:
    """The newest drift that the trigger names and that was found after `since`."""
    found = [
        drift
        for name, drift in facts.drifts.items()
        if trigger.drift in (name, ANY_DETECTOR) and drift.received_ns > since.at_ns
    ]
    return max(found, key=lambda drift: drift.received_ns, default=None)
