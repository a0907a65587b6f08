"""The join of one line, as a session finds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from riverrun.core.events import OffsetRange, Positions, Stream
from riverrun.core.parts import Part, units_of
from riverrun.core.spec import ModelSpec
from riverrun.core.units import Unit
from riverrun_trainer.joining.join import Join
from riverrun_trainer.joining.ledger import Ledger
from riverrun_trainer.joining.outcomes import Outcomes
from riverrun_trainer.joining.rules import JoinRules, readers_of

JOINED = (Stream.LABELS, Stream.PREDICTIONS)


@dataclass(frozen=True, slots=True)
class LineJoin:
    """The join, what it comes to and what it commits. `by_events` says whose time it goes by."""

    join: Join
    outcomes: Outcomes
    ledger: Ledger
    by_events: bool

    def positions(self) -> Positions:
        """Where a version stands in the streams that are joined (see `Positions`)."""
        ledger = self.ledger
        return {
            Stream.LABELS: ledger.positions(Stream.LABELS),
            Stream.PREDICTIONS: ledger.starts(Stream.PREDICTIONS),
        }


def open_join(
    spec: ModelSpec,
    units: Mapping[int, Unit],
    positions: Positions,
    skipped: Sequence[OffsetRange],
    max_open: int,
) -> LineJoin | None:
    """The join that goes on from the parts' `units`; None where the spec joins nothing.

    What lies in `skipped`, or before `positions` where there are no units, is not learned. Raises
    `InvalidInput` where the units are not a join's.
    """
    if not spec.joins:
        return None
    own = units_of(Part.JOIN, units)
    ledger = Ledger(own)
    left_out = [one for one in skipped if one.stream in JOINED]
    if not own:
        left_out = [
            OffsetRange(stream, partition, 0, offset)
            for stream in JOINED
            for partition, offset in positions.get(stream, {}).items()
            if offset
        ]
    if left_out:
        ledger.skip(left_out)
    outcomes = Outcomes(ledger)
    join = Join(JoinRules.of(spec, max_open), readers_of(spec), ledger, outcomes)
    return LineJoin(join, outcomes, ledger, spec.label.clock == "events")
