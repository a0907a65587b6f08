"""How well a line does: what its trainer reports, and `riverrun evaluation` shows.

Each section is None where the spec asks for nothing of it, or where there is nothing to say yet.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from riverrun.core.experiment_results import ExperimentResults

MAX_REPORT_BYTES = 64 << 10


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """How well answers did, each judged once, when its label came.

    `examples` were judged. `version` is the newest whose answer is among them, 0 where none is known.
    """

    examples: int
    version: int = 0
    metrics: Mapping[str, float] = {}


class DriftReport(msgspec.Struct, frozen=True, kw_only=True):
    """One detector of drift.

    Of the `values` it was fed, `found` showed a drift that counts and `passed_over` one in the other
    direction. `last_value` is the number of the value (from 1) at which one was counted last, and `last_ns`
    that example's time, Unix nanoseconds; 0 for none. `mean` is of the values since then, `recent` of about
    the last twenty.
    """

    name: str
    on: str
    values: int = 0
    found: int = 0
    passed_over: int = 0
    last_value: int = 0
    last_ns: int = 0
    mean: float = 0.0
    recent: float = 0.0


class GateReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the gate stands. `state` is open, or why live is held or does not move.

    `findings` counts what windows came to, since the trainer's session began; `excess_loss` is that of the
    newest weights against the good version in the `last` one. `bound` is the last window's value of the
    metric that live must keep.
    """

    mode: str
    state: str
    good_version: int = 0
    findings: Mapping[str, int] = {}
    last: str = ""
    excess_loss: float | None = None
    bound: float | None = None


class EvaluationReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a model, up to now. `time_ns` is when it was made, Unix nanoseconds.

    `newest` judges what the newest weights answered when the label came, before they learned it; `served`
    what callers really got.
    """

    model: str
    line: int
    time_ns: int
    newest: Scored
    served: Scored | None = None
    experiments: tuple[ExperimentResults, ...] = ()
    drift: tuple[DriftReport, ...] = ()
    gate: GateReport | None = None


_decoder = msgspec.json.Decoder(EvaluationReport)


def encode_report(report: EvaluationReport) -> bytes:
    """`report` as JSON."""
    return msgspec.json.encode(report)


def decode_report(body: bytes) -> EvaluationReport:
    """The report that `body` holds; what a newer program added is passed over.

    Raises `msgspec.MsgspecError`.
    """
    return _decoder.decode(body)
