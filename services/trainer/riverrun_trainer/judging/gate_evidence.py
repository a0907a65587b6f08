"""What a finding of the gate rests on: in words, in figures, and the labels that it is about."""

from __future__ import annotations

from collections import deque

from riverrun.core.joining import JoinedExample
from riverrun.evaluation.gate.windows import Finding, Kind

REMEMBERED = 4_096
"""Examples whose places are remembered, to say which labels a finding is about."""


class GateEvidence:
    """The examples that were judged, the last of them by place."""

    def __init__(self) -> None:
        self._places: deque[tuple[str, int, int]] = deque(maxlen=REMEMBERED)
        self.examples = 0
        """How many were judged."""

    def see(self, joined: JoinedExample) -> None:
        """`joined` is judged."""
        self.examples += 1
        self._places.append((joined.stream.value, joined.event.offset, joined.time_ns))

    def facts(self, found: Finding) -> dict[str, object]:
        """The figures of `found`, and its labels."""
        figures = {
            "excess_loss": round(found.excess_loss, 6),
            "compared": found.compared,
            "pairs": found.pairs,
            "agreeing": found.agreeing,
        }
        return figures | self.labels(found.since)

    def labels(self, since: int) -> dict[str, object]:
        """Which labels: from the example that was judged as number `since`, or the oldest remembered, up to
        now.
        """
        back = min(self.examples - since + 1, len(self._places))
        if back < 1:
            return {}
        stream, offset, time_ns = self._places[-back]
        last_stream, last_offset, last_ns = self._places[-1]
        return {
            "examples": back,
            "first": {"stream": stream, "offset": offset, "time_ns": time_ns},
            "last": {"stream": last_stream, "offset": last_offset, "time_ns": last_ns},
        }


def reason(found: Finding) -> str:
    """`found` in words."""
    match found.kind:
        case Kind.PASSED | Kind.REFUSED:
            return (
                f"mean loss {found.excess_loss:+.4f} to that of the good version, {found.compared} examples"
            )
        case Kind.CONTRADICTED:
            return f"{found.agreeing} of {found.pairs} pairs of labels agree with the good version"
        case Kind.CALMED:
            return f"{found.agreeing} of {found.pairs} pairs of labels agree with the good version again"
        case Kind.BELIEVED:
            return f"{found.agreeing} of {found.pairs} pairs agree: labels contradicted for long enough"
