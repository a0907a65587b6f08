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


class SliceReport(msgspec.Struct, frozen=True, kw_only=True):
    """The examples with one `value` of a feature. Losses are in [0, 1]: of all, of about the last fifty,
    and what is usual. `worse`: surely above that.
    """

    feature: str
    value: str
    examples: int
    loss: float
    recent_loss: float
    usual_loss: float
    worse: bool = False


class CalibrationBin(msgspec.Struct, frozen=True, kw_only=True):
    """Answers whose share lies in one tenth: how many, their mean share, and the share that came true."""

    answers: int
    answered: float
    came_true: float


class CalibrationReport(msgspec.Struct, frozen=True, kw_only=True):
    """Whether shares come true. `error` is the expected calibration error, in [0, 1]."""

    error: float
    bins: tuple[CalibrationBin, ...]


class DistributionReport(msgspec.Struct, frozen=True, kw_only=True):
    """How far the last whole window is from the first (population stability index; by custom 0.1 is a small
    shift and 0.25 a large one). `name` is a feature, or empty for the answers.
    """

    name: str
    stability_index: float


class LabelsReport(msgspec.Struct, frozen=True, kw_only=True):
    """Labels that came by id. Delays are in seconds from the prediction's event time, at most a factor of
    two too large.

    `coverage` is the share of predictions that got their label among those decided since the session began;
    None before the first.
    """

    joined: int
    delay_p50: float
    delay_p90: float
    delay_p99: float
    coverage: float | None = None


class HoldoutReport(msgspec.Struct, frozen=True, kw_only=True):
    """The examples that are never learned: `held` so far, of which `history` old ones and `recent` ones are
    kept.

    `history_loss` and `recent_loss` are the mean losses, in [0, 1], of the newest weights on them, as they
    were judged lately; None before. A model that forgets does worse and worse on the old.
    """

    share: float
    held: int
    history: int
    recent: int
    history_loss: float | None = None
    recent_loss: float | None = None


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
    holdout: HoldoutReport | None = None
    slices: tuple[SliceReport, ...] = ()
    calibration: CalibrationReport | None = None
    distributions: tuple[DistributionReport, ...] = ()
    labels: LabelsReport | None = None


_decoder = msgspec.json.Decoder(EvaluationReport)


def encode_report(report: EvaluationReport) -> bytes:
    """`report` as JSON."""
    return msgspec.json.encode(report)


def decode_report(body: bytes) -> EvaluationReport:
    """The report that `body` holds; what a newer program added is passed over.

    Raises `msgspec.MsgspecError`.
    """
    return _decoder.decode(body)
