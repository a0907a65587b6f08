"""What each connected reader reported: every pod's version and lag."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from riverrun.core.versions import Freshness, ReaderInfo
from riverrun.runtime.clock import Clock
from riverrun_param_server.announcements import AnnouncedModels


@dataclass(frozen=True, slots=True)
class Report:
    """What a reader answers with now.

    A read replica reports for readers of its own: `reader_id` and `address` are then theirs, and `gone`
    says that one of them no longer holds the channel.
    """

    model: str
    channel: str
    version: int
    generation: int
    sync: str = ""
    problem: str = ""
    reader_id: str = ""
    address: str = ""
    gone: bool = False
    freshness: Freshness | None = None


class Readers:
    """The newest report by (connection, reader, model, channel); a connection's reports go with it."""

    def __init__(self, catalogue: AnnouncedModels, clock: Clock) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._names: dict[int, tuple[str, str]] = {}
        self._reports: dict[int, dict[tuple[str, str, str], ReaderInfo]] = {}

    def connect(self, connection: int, reader_id: str, address: str) -> None:
        """A reader came; one without an id holds versions like any other and is not listed."""
        self._names[connection] = (reader_id, address)
        self._reports[connection] = {}

    def report(self, connection: int, report: Report) -> None:
        """A reader said what it answers with; of models and channels that are not there, nothing is kept."""
        if connection not in self._names:
            return
        reader_id, address = self._names[connection]
        if report.reader_id:
            reader_id, address = report.reader_id, report.address
        key = (reader_id, report.model, report.channel)
        model = self._catalogue.find(report.model)
        if report.gone or model is None or model.find_channel(report.channel) is None:
            self._reports[connection].pop(key, None)
            return
        self._reports[connection][key] = ReaderInfo(
            reader_id=reader_id,
            address=address,
            model=report.model,
            channel=report.channel,
            version=report.version,
            generation=report.generation,
            lag=0,
            sync=report.sync,
            reported_ns=self._clock.wall_ns(),
            problem=report.problem,
            freshness=report.freshness,
        )

    def disconnect(self, connection: int) -> None:
        """A reader went."""
        self._names.pop(connection, None)
        self._reports.pop(connection, None)

    def list(self, model: str = "") -> list[ReaderInfo]:
        """The reports of readers with an id, with the lag as of now: moves of the channel not taken."""
        found = [
            replace(report, lag=self._lag(report))
            for reports in self._reports.values()
            for report in reports.values()
            if report.reader_id and (not model or report.model == model)
        ]
        return sorted(found, key=lambda r: (r.model, r.channel, r.reader_id))

    def versions_held(self, model: str) -> Mapping[int, Sequence[str]]:
        """The versions of `model` that readers answer with, and their ids."""
        held: defaultdict[int, tuple[str, ...]] = defaultdict(tuple)
        for reports in self._reports.values():
            for report in reports.values():
                if report.model == model:
                    held[report.version] += (report.reader_id,)
        return held

    def _lag(self, report: ReaderInfo) -> int:
        model = self._catalogue.find(report.model)
        channel = model.find_channel(report.channel) if model else None
        return max(0, channel.generation - report.generation) if channel else 0
