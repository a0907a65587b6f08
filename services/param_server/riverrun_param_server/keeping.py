"""What is kept of a model, and why: what `ListVersions` tells, and what housekeeping leaves alone."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping

from riverrun.core.journal import JournalRecord
from riverrun.core.versions import KeptVersion
from riverrun.runtime.clock import Clock
from riverrun_param_server import journal, version_lookups, version_rows
from riverrun_param_server.catalogue import Catalogue, Model
from riverrun_param_server.readers import Readers
from riverrun_param_server.retention import RetentionPolicy
from riverrun_param_server.version_rows import Listed

Holders = Mapping[int, list[str]]
"""By version, who uses it."""


class Keeping:
    """Answers for all models, as of now."""

    def __init__(
        self, catalogue: Catalogue, readers: Readers, clock: Clock, retention: RetentionPolicy
    ) -> None:
        self.retention = retention
        self._catalogue = catalogue
        self._readers = readers
        self._clock = clock

    def holders(self, model: Model) -> Holders:
        """Who uses which version of `model`: those stay whatever their age."""
        record = model.record
        found: dict[int, list[str]] = defaultdict(list)
        for channel in record.channels:
            found[channel.version].append(f"channel {channel.name}")
        for line in record.open_lines:
            found[line.head].append(f"line {line.number}")
        for version, readers in self._readers.versions_held(model.name).items():
            found[version] += (f"reader {reader}".rstrip() for reader in readers)
        # A lost row is noticed by the newest one.
        found[record.tail_version].append("newest")
        found.pop(0, None)
        return found

    async def listed(self, model_name: str, limit: int, before: int) -> list[KeptVersion]:
        """Versions below `before` (0: all), newest first. Raises `NotFound`."""
        model = self._catalogue.get(model_name)
        record = model.record
        starts = {line.parent: line.number for line in record.lines if line.parent}

        def look(
            connection: sqlite3.Connection,
        ) -> tuple[list[Listed], dict[int, int | None], dict[int, int]]:
            rows = version_rows.listed(connection, record.id, before, limit)
            following = {
                row.version: version_lookups.created_after(connection, record.id, row.line, row.version)
                for row in _newest_of_lines(rows)
            }
            # A line holds what it started from until its own first versions are dropped onto nothing.
            started = {
                parent: number
                for parent, number in starts.items()
                if version_lookups.first_base(connection, record.id, number) == parent
            }
            return rows, following, started

        rows, following, started = await self._catalogue.store.run(look)
        return self._with_reasons(model, rows, following, started)

    async def records(self, model_name: str, limit: int, before: int) -> list[JournalRecord]:
        """What moved of a model and why: records below `before` (0: all), newest first. Raises `NotFound`."""
        model = self._catalogue.get(model_name).record.id
        return await self._catalogue.store.run(
            lambda connection: journal.listed(connection, model, before, limit)
        )

    def _with_reasons(
        self,
        model: Model,
        rows: list[Listed],
        following: dict[int, int | None],
        started: Mapping[int, int],
    ) -> list[KeptVersion]:
        holders, now_ns = self.holders(model), self._clock.wall_ns()
        next_ns: dict[int, int | None] = {}
        kept = []
        for row in rows:
            after_ns = following.get(row.version, next_ns.get(row.line))
            next_ns[row.line] = row.created_ns
            reasons = list(holders.get(row.version, ()))
            if row.manifest.good:
                reasons.append("good")
            if row.version in started:
                reasons.append(f"start of line {started[row.version]}")
            tier = self.retention.tier(row.created_ns, after_ns, now_ns)
            reasons += [tier] if tier else []
            kept.append(KeptVersion(row.manifest, row.delta_bytes, row.snapshot_bytes, tuple(reasons)))
        return kept


def _newest_of_lines(rows: Iterable[Listed]) -> Iterable[Listed]:
    newest: dict[int, Listed] = {}
    for row in rows:
        newest.setdefault(row.line, row)
    return newest.values()
