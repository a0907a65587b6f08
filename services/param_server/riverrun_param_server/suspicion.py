"""Which events are suspected of ending the trainers that learn them: pure decisions on a line (DECISIONS 25).

A trainer that follows one that died says what it is about to learn, durably, before it learns it. Should
it die too, the next one knows where.
"""

from __future__ import annotations

from dataclasses import replace

from riverrun.core.events import OffsetRange, Positions, Suspect
from riverrun_param_server.records import LineRecord

MAX_SUSPECTS = 64
"""Suspects of a line that are remembered, the newest: each costs a trainer its life, so they are few."""


def opened(line: LineRecord, *, survived: bool) -> tuple[LineRecord, bool]:
    """The line with a session just opened, and whether the one before ended without a goodbye.

    `survived`: the trainer itself is back and says that its session's end was no fault of an event.
    """
    died = not line.clean and not survived
    suspects = _accused(line.suspects, line.attempt) if died and line.attempt else line.suspects
    return replace(line, clean=False, attempt=None, suspects=suspects), died


def attempting(line: LineRecord, range_: OffsetRange) -> LineRecord:
    """The line whose trainer is about to learn `range_`; what it was about to learn before is survived."""
    survived = None if line.attempt == range_ else line.attempt
    suspects = tuple(suspect for suspect in line.suspects if suspect.range != survived)
    return replace(line, attempt=range_, suspects=suspects)


def ended_well(line: LineRecord) -> LineRecord:
    """The line whose trainer said goodbye."""
    return replace(line, clean=True, attempt=None)


def contained(line: LineRecord, positions: Positions) -> LineRecord:
    """The line with a version at `positions`: what lies before them is learned or set aside."""
    if line.attempt is None and not line.suspects:
        return line
    attempt = None if line.attempt is None or _is_before(line.attempt, positions) else line.attempt
    suspects = tuple(one for one in line.suspects if not _is_before(one.range, positions))
    return replace(line, attempt=attempt, suspects=suspects)


def _accused(suspects: tuple[Suspect, ...], range_: OffsetRange) -> tuple[Suspect, ...]:
    deaths = next((one.deaths for one in suspects if one.range == range_), 0)
    others = tuple(one for one in suspects if one.range != range_)
    return (*others, Suspect(range_, deaths + 1))[-MAX_SUSPECTS:]


def _is_before(range_: OffsetRange, positions: Positions) -> bool:
    return range_.end <= positions.get(range_.stream, {}).get(range_.partition, 0)
