"""When a slot takes new weights: a question asked of a policy and a state, with time as an argument."""

from __future__ import annotations

from dataclasses import dataclass

from riverrun.core.spec import SyncSpec


@dataclass(frozen=True, slots=True)
class SyncState:
    """Where a slot stands. Versions are 0 for none; generations grow with each move of the channel.

    `announced` is the newest generation known of the channel, `applied` the one that is answered with.
    Times are monotonic; None: never.
    """

    version: int
    applied: int
    announced: int
    taken_at: float | None = None
    checked_at: float | None = None


def due_at(policy: SyncSpec, state: SyncState) -> float | None:
    """The monotonic time from which the slot should take weights; None: not before there is news."""
    if policy.mode == "pinned":
        return 0.0 if state.version != policy.version else None
    if state.version == 0:
        return 0.0 if state.announced else None
    if policy.mode == "interval":
        return 0.0 if state.checked_at is None else state.checked_at + (policy.interval or 0.0)
    if state.applied >= state.announced:
        return None
    return 0.0 if state.taken_at is None else state.taken_at + policy.min_interval
