"""How evaluation reports and records are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from rich.table import Table

from riverrun.cli.documents import Document, rfc3339
from riverrun.cli.tables import metrics_words, table
from riverrun.core.evaluation_report import EvaluationReport, Scored
from riverrun.core.journal import JournalRecord


def evaluation_document(report: EvaluationReport) -> Document:
    """A report; sections that it lacks are left out."""
    found: dict[str, Any] = msgspec.to_builtins(report)
    del found["time_ns"]
    return {"model": report.model, "line": report.line, "time": rfc3339(report.time_ns)} | found


def evaluation_tables(report: EvaluationReport) -> list[Table | str]:
    """The sections, each as a table."""
    rows = [("newest", *_scored(report.newest))]
    if report.served is not None:
        rows.insert(0, ("served", *_scored(report.served)))
    return [
        f"{report.model}, line {report.line}, as of {rfc3339(report.time_ns)}",
        table(("answers", "examples", "version", "metrics"), rows),
    ]


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


def _versions(record: JournalRecord) -> str:
    if record.previous and record.previous != record.version:
        return f"{record.previous} -> {record.version}"
    return str(record.version or "")
