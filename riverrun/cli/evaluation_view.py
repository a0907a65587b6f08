"""How evaluation reports and records are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from rich.table import Table

from riverrun.cli.documents import Document, rfc3339
from riverrun.cli.evaluation_sections import asked_for
from riverrun.cli.tables import metrics_words, table
from riverrun.core.evaluation_report import DriftReport, EvaluationReport, Scored
from riverrun.core.journal import JournalRecord


def evaluation_document(report: EvaluationReport) -> Document:
    """A report; sections that it lacks are left out."""
    found: dict[str, Any] = msgspec.to_builtins(report)
    del found["time_ns"]
    for drift in found.get("drift", ()):
        last_ns = drift.pop("last_ns")
        drift["last_time"] = rfc3339(last_ns) if last_ns else None
    return {"model": report.model, "line": report.line, "time": rfc3339(report.time_ns)} | found


def evaluation_tables(report: EvaluationReport) -> list[Table | str]:
    """The sections, each as a table."""
    rows = [("newest", *_scored(report.newest))]
    if report.served is not None:
        rows.insert(0, ("served", *_scored(report.served)))
    sections: list[Table | str] = [
        f"{report.model}, line {report.line}, as of {rfc3339(report.time_ns)}",
        table(("answers", "examples", "version", "metrics"), rows),
    ]
    if report.drift:
        columns = ("drift", "on", "values", "found", "last found", "mean since", "mean of the last")
        sections.append(table(columns, [_drift(one) for one in report.drift]))
    return sections + asked_for(report)


def record_document(record: JournalRecord) -> Document:
    """A record of the journal."""
    return {
        "number": record.number,
        "time": rfc3339(record.time_ns),
        "kind": record.kind,
        "actor": record.actor,
        "reason": record.reason,
        "line": record.line or None,
        "channel": record.channel,
        "version": record.version or None,
        "previous": record.previous or None,
        "facts": dict(record.facts),
    }


def records_table(records: Sequence[JournalRecord]) -> Table | str:
    """One row a record, newest first."""
    rows = [
        (
            one.number,
            rfc3339(one.time_ns),
            one.kind,
            one.channel or (f"line {one.line}" if one.line else ""),
            _versions(one),
            one.actor or "not known",
            one.reason,
        )
        for one in records
    ]
    return table(("record", "time", "what", "of", "version", "by", "why"), rows, "nothing has moved yet")


def _scored(scored: Scored) -> tuple[object, ...]:
    return scored.examples, scored.version or "", metrics_words(scored.metrics)


def _drift(one: DriftReport) -> tuple[object, ...]:
    last = f"at {one.last_value}, {rfc3339(one.last_ns)}" if one.found else ""
    return one.name, one.on, one.values, one.found, last, f"{one.mean:.4g}", f"{one.recent:.4g}"


def _versions(record: JournalRecord) -> str:
    if record.previous and record.previous != record.version:
        return f"{record.previous} -> {record.version}"
    return str(record.version or "")
