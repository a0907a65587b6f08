"""The sections of an evaluation report that a spec asks for, as tables."""

from __future__ import annotations

from rich.table import Table

from riverrun.cli.tables import table
from riverrun.core.evaluation_report import EvaluationReport
from riverrun.core.spec.quantities import format_duration

SHOWN_SLICES = 30
"""Slices that a table shows; JSON has all that were reported."""


def asked_for(report: EvaluationReport) -> list[Table | str]:
    """A table for each section that there is, with an empty line before it."""
    shown: list[Table | str] = []
    for section in (_labels, _gate, _holdout, _slices, _calibration, _distributions):
        part = section(report)
        if part is not None:
            shown += ["", part]
    return shown


def _labels(report: EvaluationReport) -> Table | str | None:
    labels = report.labels
    if labels is None:
        return None
    coverage = "" if labels.coverage is None else f"{labels.coverage:.1%}"
    delays = map(_seconds, (labels.delay_p50, labels.delay_p90, labels.delay_p99))
    return table(
        ("labels by id", "coverage", "delay p50", "p90", "p99"), [(labels.joined, coverage, *delays)]
    )


def _gate(report: EvaluationReport) -> Table | str | None:
    gate = report.gate
    if gate is None:
        return None
    excess = "" if gate.excess_loss is None else f"{gate.excess_loss:+.4f}"
    found = "  ".join(f"{name} {count}" for name, count in sorted(gate.findings.items()))
    row = (gate.mode, gate.state, gate.good_version or "", gate.last, excess, found)
    return table(("gate", "state", "good version", "last", "loss", "findings"), [row])


def _holdout(report: EvaluationReport) -> Table | str | None:
    held = report.holdout
    if held is None:
        return None
    rows = [("old", held.history, _loss(held.history_loss)), ("recent", held.recent, _loss(held.recent_loss))]
    return table(("held out", "examples", "loss"), rows)


def _slices(report: EvaluationReport) -> Table | str | None:
    rows = [
        (
            f"{one.feature} = {one.value}",
            one.examples,
            _loss(one.loss),
            _loss(one.recent_loss),
            _loss(one.usual_loss),
            "worse" if one.worse else "",
        )
        for one in report.slices[:SHOWN_SLICES]
    ]
    return table(("slice", "examples", "loss", "recent", "usual", ""), rows) if rows else None


def _calibration(report: EvaluationReport) -> Table | str | None:
    if report.calibration is None:
        return None
    rows = [(f"{one.answered:.3f}", f"{one.came_true:.3f}", one.answers) for one in report.calibration.bins]
    return table((f"answered (error {report.calibration.error:.4f})", "came true", "answers"), rows)


def _distributions(report: EvaluationReport) -> Table | str | None:
    rows = [(one.name or "(answers)", f"{one.stability_index:.3f}") for one in report.distributions]
    return table(("distribution of", "stability index"), rows) if rows else None


def _loss(loss: float | None) -> str:
    return "" if loss is None else f"{loss:.4f}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds < 60 else format_duration(float(round(seconds)))
