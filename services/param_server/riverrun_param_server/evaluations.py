"""What trainers reported last of how well their lines do; in memory alone."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import structlog

from riverrun.core.errors import NotReady
from riverrun.core.evaluation_report import MAX_REPORT_BYTES, EvaluationReport, decode_report
from riverrun.core.versions import LIVE
from riverrun.runtime.clock import Clock
from riverrun_param_server.catalogue import Catalogue, Model

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Reported:
    """A line's newest report as JSON, and when it came (Unix nanoseconds)."""

    line: int
    body: bytes
    time_ns: int


class Evaluations:
    """The newest report of each line."""

    def __init__(self, catalogue: Catalogue, clock: Clock) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._newest: dict[tuple[str, int], Reported] = {}

    def report(self, model_name: str, line: int, body: bytes) -> EvaluationReport | None:
        """Take a line's report, and what it says; one that cannot be read is logged and dropped: None."""
        try:
            if len(body) > MAX_REPORT_BYTES:
                raise ValueError(f"{len(body)} bytes")
            report = decode_report(body)
        except (msgspec.MsgspecError, ValueError) as error:
            log.warning("an evaluation report was dropped", model=model_name, line=line, reason=str(error))
            return None
        self._newest[(model_name, line)] = Reported(line, body, self._clock.wall_ns())
        return report

    async def newest(self, model_name: str, line: int = 0) -> Reported:
        """What was reported last of `line`, by default of the one that is live.

        Raises `NotFound`, `NotReady`.
        """
        model = self._catalogue.get(model_name)
        number = model.line(line).number if line else await self._live_line(model)
        found = self._newest.get((model_name, number))
        if found is None:
            raise NotReady(f"the evaluation of {model_name}", "no trainer has reported yet")
        return found

    async def _live_line(self, model: Model) -> int:
        live = model.channel(LIVE)
        if live.follows is not None:
            return live.follows
        held = (await self._catalogue.manifest(model, live.version)).line
        # What it is held at may be of a line that learning has left since.
        successor = model.record.open_successor(held)
        return held if successor is None else successor.number
