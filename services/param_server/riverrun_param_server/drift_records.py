"""Writes the drifts that trainers report into the record of their model, each once."""

from __future__ import annotations

from riverrun.core.evaluation_report import DriftReport, EvaluationReport
from riverrun.core.journal import JournalRecord
from riverrun_param_server import journal
from riverrun_param_server.catalogue import Catalogue, Model
from riverrun_param_server.completion import Completion
from riverrun_param_server.store import Change

KIND = "drift.found"

Key = tuple[str, int, str]
"""A model, a line, and a detector's name."""


class DriftRecords:
    """A trainer that learns events again finds their drifts again: what the record has of these is passed
    over, by the time of the example at which they were found."""

    def __init__(self, catalogue: Catalogue, completion: Completion) -> None:
        self._catalogue = catalogue
        self._completion = completion
        self._recorded_ns: dict[Key, int] = {}
        self._read: set[str] = set()

    async def take(self, model_name: str, line: int, report: EvaluationReport) -> None:
        """Record what `report` tells of that is new; on disk when this returns. Raises `NotFound`, and
        `Exhausted` on a full disk: what was not recorded is with the next report."""
        if any(drift.found for drift in report.drift):
            model = self._catalogue.get(model_name)
            await self._completion.run(self._take(model, line, report.drift))

    async def _take(self, model: Model, line: int, drifts: tuple[DriftReport, ...]) -> None:
        async with model.lock:
            if model.name not in self._read:
                await self._remember(model)
            # A retrain finds what it meets in history: that was found by others in its time.
            began_ns = next((one.started_ns for one in model.record.retrains if one.line == line), 0)
            new = [
                drift
                for drift in drifts
                if drift.found
                and drift.last_ns > self._recorded_ns.get((model.name, line, drift.name), began_ns)
            ]
            if not new:
                return
            records = tuple(_record(line, drift) for drift in new)
            await self._catalogue.commit(model, Change(model.record, journal=records))
            for drift in new:
                self._recorded_ns[(model.name, line, drift.name)] = drift.last_ns

    async def _remember(self, model: Model) -> None:
        """Take in what was recorded before this process started."""
        number = model.record.id
        found = await self._catalogue.store.run(lambda c: journal.listed(c, number, 0, journal.KEEP))
        for record in found:
            if record.kind == KIND:
                key = (model.name, record.line, str(record.facts["detector"]))
                self._recorded_ns[key] = max(self._recorded_ns.get(key, 0), int(record.facts["example_ns"]))
        self._read.add(model.name)


def _record(line: int, drift: DriftReport) -> JournalRecord:
    return JournalRecord(
        kind=KIND,
        actor="trainer",
        reason=f"{drift.name} found drift on {drift.on}",
        line=line,
        facts={
            "detector": drift.name,
            "on": drift.on,
            "value": drift.last_value,
            "example_ns": drift.last_ns,
            "found": drift.found,
        },
    )
