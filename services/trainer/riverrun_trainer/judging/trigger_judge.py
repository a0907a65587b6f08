"""Which of a spec's triggers hold for a line: what they are counted from, committed with its versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from riverrun.core.errors import InvalidInput
from riverrun.core.joining import JoinedExample
from riverrun.core.predictions import Prediction
from riverrun.core.spec.triggers import TriggerSpec
from riverrun.core.units import NO_UNITS, SideDelta, Unit
from riverrun.evaluation.triggers import Due, Facts, Found, Since, due

_BEGINNING = Since(0)


class TriggerJudge:
    """Time is that at which the log received the newest example: with no examples nothing is due, for there
    would be nothing to learn."""

    def __init__(
        self,
        when: Sequence[TriggerSpec],
        drifts: Callable[[], Mapping[str, Found]],
        units: Mapping[int, Unit] = NO_UNITS,
    ) -> None:
        """`drifts` gives the newest drift of each detector. Raises `InvalidInput` where `units` are of
        something else."""
        self._when = when
        self._drifts = drifts
        self._now_ns = 0
        self._written = units.get(0, b"")
        try:
            self._since = msgspec.msgpack.decode(self._written, type=Since) if self._written else _BEGINNING
        except msgspec.MsgspecError as error:
            raise InvalidInput("state", "expected what triggers are counted from") from error

    @property
    def since_ns(self) -> int:
        """The time that conditions are counted from, Unix nanoseconds; 0 before the first example."""
        return self._since.at_ns

    def score(self, joined: JoinedExample, newest: Prediction | None) -> None:
        """See `Scorer.score`."""
        self._now_ns = max(self._now_ns, joined.event.received_ns)
        if not self._since.at_ns:
            # A drift at the very first example counts as well.
            self._since = Since(self._now_ns - 1)

    def due(self, examples: int, metrics: Mapping[str, float]) -> Due | None:
        """The retrain that is due after so many `examples` of the line, None for none."""
        if not self._now_ns:
            return None
        return due(self._when, Facts(self._now_ns, examples, metrics, self._drifts()), self._since)

    def count_from(self, at_ns: int, examples: int) -> None:
        """A retrain was started at `at_ns`: conditions are counted from then, and from `examples`."""
        self._since = Since(at_ns, examples)

    def changes(self) -> SideDelta:
        """See `StatePart.changes`."""
        unit = msgspec.msgpack.encode(self._since) if self._since.at_ns else b""
        if unit == self._written:
            return SideDelta()
        self._written = unit
        return SideDelta({0: unit})
