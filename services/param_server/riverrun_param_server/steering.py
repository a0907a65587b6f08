"""Moving channels and going back: promote, roll back, pin, resume, reset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import structlog

from riverrun.core.journal import JournalRecord
from riverrun.core.versions import LIVE, Channel, Line
from riverrun.runtime.clock import Clock
from riverrun_param_server import gating
from riverrun_param_server.catalogue import Catalogue, Model
from riverrun_param_server.channel_moves import ChannelMove, check_name, move
from riverrun_param_server.channel_records import NOBODY, By, move_record, reset_record
from riverrun_param_server.channel_targets import ChannelWish, target_of
from riverrun_param_server.completion import Completion
from riverrun_param_server.line_state import LineState
from riverrun_param_server.records import ModelRecord
from riverrun_param_server.resets import Reset, line_to_close, positions_of, reset
from riverrun_param_server.retraining.decisions import settled
from riverrun_param_server.sessions import Sessions
from riverrun_param_server.store import Change
from riverrun_param_server.version_reader import VersionReader
from riverrun_param_server.watch_hub import WatchHub

log = structlog.get_logger()


AlsoChanged = tuple[ModelRecord, tuple[JournalRecord, ...]]
"""What becomes of a model in the same transaction, and what its journal says of that."""


def _nothing_else(record: ModelRecord) -> AlsoChanged:
    return record, ()


class Steering:
    """Takes wishes about channels and lines, one at a time for each model."""

    def __init__(
        self,
        catalogue: Catalogue,
        reader: VersionReader,
        hub: WatchHub,
        sessions: Sessions,
        completion: Completion,
        clock: Clock,
    ) -> None:
        self._catalogue = catalogue
        self._reader = reader
        self._hub = hub
        self._sessions = sessions
        self._completion = completion
        self._clock = clock

    async def set_channel(
        self,
        model_name: str,
        channel: str,
        wish: ChannelWish,
        *,
        base_generation: int = 0,
        mark_good: bool = False,
        by: By = NOBODY,
        also: Callable[[ModelRecord], AlsoChanged] = _nothing_else,
    ) -> tuple[Channel, Channel]:
        """Where the channel is now and where it was. See `ParameterService.SetChannel` for what it raises.

        `also` is what becomes of the model's record in the same transaction; what it raises, this raises.
        """
        model = self._catalogue.get(model_name)
        check_name(channel)
        move_ = await self._completion.run(
            self._set_channel(model, channel, wish, base_generation, mark_good, by, also)
        )
        log.info(
            "a channel was moved",
            model=model_name,
            channel=channel,
            version=move_.channel.version,
            was=move_.previous.version,
            generation=move_.channel.generation,
            caller=by.actor,
            reason=by.reason,
        )
        return move_.channel, move_.previous

    async def reset(
        self, model_name: str, to_version: int, *, replay: bool, by: By = NOBODY
    ) -> tuple[Line, int]:
        """The line that goes on from `to_version`, and the line that was closed (0: none)."""
        model = self._catalogue.get(model_name)
        line, closed = await self._completion.run(self._reset(model, to_version, replay, by))
        log.info(
            "learning was reset",
            model=model_name,
            to_version=to_version,
            line=line.number,
            closed_line=closed,
            caller=by.actor,
            reason=by.reason,
        )
        return line, closed

    async def _set_channel(
        self,
        model: Model,
        name: str,
        wish: ChannelWish,
        base_generation: int,
        mark_good: bool,
        by: By,
        also: Callable[[ModelRecord], AlsoChanged],
    ) -> ChannelMove:
        async with model.lock:
            target = await target_of(self._catalogue, model, name, wish)
            found = move(model.record, name, target, base_generation)
            version = found.channel.version
            good = version if mark_good and not wish.remove else 0
            manifests = [await self._catalogue.manifest(model, version)] if version else []
            record = settled(gating.fitted(found.record), self._clock.wall_ns())
            if name == LIVE and record.gate_hold:
                # A hold is the gate's own until somebody says where live belongs.
                record = replace(record, gate_hold=0)
            if good:
                record = gating.marked_by_hand(record, good)
            record, journal = also(record)
            if record != model.record or good:
                change = Change(record, good=good, journal=(move_record(found, by), *journal))
                await self._catalogue.commit(model, change, *manifests)
            if good:
                model.mark_good(good)
            if found.closed_line:
                model.states.pop(found.closed_line, None)
        if found.closed_line:
            self._sessions.line_closed(model, found.closed_line)
        self._hub.model_changed(model.name)
        self._hub.channel_moved(model.name, name)
        return found

    async def _reset(self, model: Model, to_version: int, replay: bool, by: By) -> tuple[Line, int]:
        async with model.lock:
            found = await self.reset_locked(model, model.record, to_version, replay=replay, by=by)
        self.tell_reset(model, found)
        return found.line.as_line(), found.closed_line

    async def reset_locked(
        self,
        model: Model,
        record: ModelRecord,
        to_version: int,
        *,
        replay: bool,
        by: By,
        first: tuple[JournalRecord, ...] = (),
    ) -> Reset:
        """Reset from `record`, which may be newer than the model's, after the records `first`.

        The caller holds the model's lock, and calls `tell_reset` once it no longer does.
        """
        to = await self._catalogue.manifest(model, to_version)
        old = line_to_close(record, to)
        head = None if old is None or not old.head else await self._catalogue.manifest(model, old.head)
        today = to.positions if old is None else positions_of(old, head)
        found = reset(record, to, None if replay else today)
        record, moved = gating.resumed_after_reset(found.record, found.line)
        record = settled(gating.fitted(record), self._clock.wall_ns())
        found = replace(found, record=record, moved=(*found.moved, *moved))
        state = await self._reader.state(model.record.id, to_version)
        line_state = LineState(state)
        change = Change(record, journal=(*first, reset_record(found, to, head, by)))
        await self._catalogue.commit(model, change, to)
        model.states[found.line.number] = line_state
        model.states.pop(found.closed_line, None)
        return found

    def tell_reset(self, model: Model, found: Reset) -> None:
        """Tell everyone; the reset is durable."""
        if found.closed_line:
            self._sessions.line_closed(model, found.closed_line)
        self._hub.model_changed(model.name)
        self._hub.channel_moved(model.name, *(channel.name for channel in found.moved))
