"""Verdicts of gates, as trainers send them: applied and recorded in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from riverrun.core.errors import InvalidInput
from riverrun.core.journal import JournalRecord
from riverrun.core.verdicts import Verdict
from riverrun.core.versions import LIVE, Channel
from riverrun_param_server import gating
from riverrun_param_server.catalogue import Catalogue, Model
from riverrun_param_server.channel_records import By
from riverrun_param_server.completion import Completion
from riverrun_param_server.session import Session
from riverrun_param_server.sessions import Sessions
from riverrun_param_server.steering import Steering
from riverrun_param_server.store import Change
from riverrun_param_server.watch_hub import WatchHub

log = structlog.get_logger()

TRAINER = "trainer"
"""Who a verdict is by, in the journal."""


class Verdicts:
    """Takes verdicts of open sessions, one at a time for each model."""

    def __init__(
        self,
        catalogue: Catalogue,
        steering: Steering,
        sessions: Sessions,
        hub: WatchHub,
        completion: Completion,
    ) -> None:
        self._catalogue = catalogue
        self._steering = steering
        self._sessions = sessions
        self._hub = hub
        self._completion = completion

    async def judged(self, session: Session, verdict: Verdict) -> None:
        """Apply `verdict`; its session is told once that is on disk. One whose session is over does nothing.

        Raises `NotFound`, `InvalidInput` where it names versions of other lines.
        """
        await self._completion.run(self._judged(session, verdict))

    async def _judged(self, session: Session, verdict: Verdict) -> None:
        model = self._catalogue.get(session.key[0])
        async with model.lock:
            line = model.line(session.key[1])
            if not self._sessions.holds(session) or line.epoch != session.epoch:
                return
            if (await self._catalogue.manifest(model, verdict.version)).line != line.number:
                raise InvalidInput("judged.version", f"expected a version of line {line.number}")
            found = gating.judged(model.record, line, verdict)
            journal = _records(line.number, verdict, found.moved)
            if verdict.reset_version:
                by = By(TRAINER, verdict.reason)
                reset = await self._steering.reset_locked(
                    model, found.record, verdict.reset_version, replay=False, by=by, first=journal
                )
            else:
                reset = None
                await self._commit(model, found, journal)
        self._hub.channel_moved(model.name, *(channel.name for channel in found.moved))
        if found.moved:
            self._hub.model_changed(model.name)
        if reset is not None:
            self._steering.tell_reset(model, reset)
        session.tell_noted()
        if verdict.kind:
            log.info(
                "a gate came to a verdict",
                model=model.name,
                line=line.number,
                version=verdict.version,
                passed=verdict.passed,
                kind=verdict.kind,
                reason=verdict.reason,
            )

    async def _commit(self, model: Model, found: gating.Judged, journal: Sequence[JournalRecord]) -> None:
        used = {channel.version for channel in found.moved} - {0}
        manifests = [await self._catalogue.manifest(model, version) for version in sorted(used)]
        change = Change(found.record, good=found.good, not_good=found.not_good, journal=tuple(journal))
        await self._catalogue.commit(model, change, *manifests)
        for version in (found.good, *found.not_good):
            if version in model.manifests:
                model.mark_good(version, good=version == found.good)


def _records(line: int, verdict: Verdict, moved: Sequence[Channel]) -> tuple[JournalRecord, ...]:
    """What the journal says: nothing of a version that passed as the one before did."""
    if not verdict.kind:
        return ()
    live = next((channel for channel in moved if channel.name == LIVE), None)
    facts = dict(verdict.facts)
    if live is not None:
        facts["live"] = {"version": live.version, "held": live.held}
    return (
        JournalRecord(
            kind=verdict.kind,
            actor=TRAINER,
            reason=verdict.reason,
            line=line,
            channel="" if live is None else LIVE,
            version=verdict.version,
            facts=facts,
        ),
    )
