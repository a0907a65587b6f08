"""A push: verified, made durable in one transaction, announced, then answered."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import structlog

from riverrun.codec.wire import encode_side
from riverrun.core.errors import Exhausted, InvalidInput, RiverrunError, StaleBase
from riverrun.core.units import EMPTY, Delta, SideDelta
from riverrun.rpc.weights import Push, Pushed
from riverrun.runtime import metrics
from riverrun.runtime.clock import Clock
from riverrun.runtime.failpoints import reach
from riverrun_param_server import suspicion, version_rows
from riverrun_param_server.catalogue import Catalogue, Model
from riverrun_param_server.chains import decode_delta
from riverrun_param_server.completion import Completion
from riverrun_param_server.line_state import LineState, Prepared
from riverrun_param_server.pushed_rows import row_of
from riverrun_param_server.recent_deltas import RecentDelta
from riverrun_param_server.records import LineRecord, ModelRecord
from riverrun_param_server.resets import after_push
from riverrun_param_server.sessions import Sessions, fenced
from riverrun_param_server.snapshots import Snapshots
from riverrun_param_server.spec_changes import own_line
from riverrun_param_server.store import Change
from riverrun_param_server.version_rows import VersionRow
from riverrun_param_server.watch_hub import WatchHub

log = structlog.get_logger()

IN_LOOP_MAX = 128 << 10
"""Bodies up to this many bytes are decoded and hashed in the event loop: a thread would cost more."""

_EMPTY = encode_side(SideDelta())


class Pushes:
    """Takes pushes, one at a time for each model."""

    def __init__(
        self,
        catalogue: Catalogue,
        hub: WatchHub,
        sessions: Sessions,
        snapshots: Snapshots,
        completion: Completion,
        clock: Clock,
        *,
        max_model_bytes: int,
    ) -> None:
        self._catalogue = catalogue
        self._hub = hub
        self._sessions = sessions
        self._snapshots = snapshots
        self._completion = completion
        self._clock = clock
        self.max_model_bytes = max_model_bytes

    def admit(self, push: Push, body_bytes: int) -> None:
        """Refuse by the header alone what would be refused anyway, before its body is received.

        Raises `NotFound`, `Fenced`, `Exhausted`, `InvalidInput`.
        """
        model = self._catalogue.get(push.model)
        if body_bytes > 2 * self.max_model_bytes:
            raise Exhausted(f"model {push.model}", f"{self.max_model_bytes} bytes")
        if not 0 < len(push.push_id) <= 128:
            raise InvalidInput("push_id", "expected 1 to 128 characters")
        if not push.line:
            if not push.snapshot or push.base_version or push.epoch:
                raise InvalidInput("line", "0 takes a snapshot, with base_version and epoch 0")
            return
        line = model.line(push.line)
        if push.base_version == line.head:
            _check_epoch(model, line, push)

    async def push(self, push: Push) -> Pushed:
        """Store one version; durable and announced when this returns. See `ParameterService.Push`."""
        started = time.perf_counter()
        try:
            pushed = await self._push(push)
        except RiverrunError as error:
            metrics.PUSHES.labels(error.reason).inc()
            log.info("a push was refused", model=push.model, line=push.line, reason=str(error))
            raise
        reach("push.before-ack")
        duration_s = time.perf_counter() - started
        metrics.PUSHES.labels("ok").inc()
        metrics.PUSH_SECONDS.observe(duration_s)
        # Pushes come many times a second as a matter of course; their counters are in the metrics.
        log.debug(
            "a version was stored",
            model=push.model,
            version=pushed.version,
            push_id=push.push_id,
            duration_s=duration_s,
        )
        return pushed

    async def _push(self, push: Push) -> Pushed:
        if not (push.serving and push.trainer):
            push = replace(push, serving=push.serving or _EMPTY, trainer=push.trainer or _EMPTY)
        max_bytes = 2 * self.max_model_bytes
        if len(push.serving) + len(push.trainer) <= IN_LOOP_MAX:
            delta = decode_delta(push.serving, push.trainer, max_bytes=max_bytes, next_unit=push.next_unit)
        else:
            delta = await asyncio.to_thread(
                decode_delta, push.serving, push.trainer, max_bytes=max_bytes, next_unit=push.next_unit
            )
        return await self._completion.run(self._store(push, delta))

    async def _store(self, push: Push, delta: Delta) -> Pushed:
        model = self._catalogue.get(push.model)
        async with model.lock:
            if not push.line:
                return await self._open_line(model, push, delta)
            line = model.line(push.line)
            if push.base_version != line.head:
                return await self._answer_again(model, line, push)
            _check_epoch(model, line, push)
            return await self._extend(model, model.record, line, model.states[line.number], push, delta)

    async def _open_line(self, model: Model, push: Push, delta: Delta) -> Pushed:
        """Store the first version of a line that nobody learned here, and open the line with it."""
        record = model.record
        before = await self._pushed_before(model, record.lines[-1], push)
        if before is not None:
            return before
        if push.spec_revision != record.spec_revision:
            raise StaleBase(record.spec_revision, push.spec_revision, what="spec revision")
        change = own_line(record)
        line = change.record.line(change.opened_line)
        assert line is not None
        state = LineState(EMPTY)
        pushed = await self._extend(model, change.record, line, state, push, delta)
        model.states[line.number] = state
        for number in change.closed_lines:
            model.states.pop(number, None)
            self._sessions.line_closed(model, number)
        log.info("a line was opened with a state from elsewhere", model=model.name, line=line.number)
        return pushed

    async def _extend(
        self, model: Model, record: ModelRecord, line: LineRecord, state: LineState, push: Push, delta: Delta
    ) -> Pushed:
        prepared = await self._prepare(state, push, delta)
        try:
            row = row_of(push, record, line, self._clock.wall_ns())
            await self._commit(model, record, line, row, push)
        except BaseException:
            state.undo(prepared)
            raise
        state.commit(prepared)
        reach("push.before-publish")
        self._after(model, line, row, push, delta)
        reach("push.after-publish")
        return self._answer(row)

    async def _prepare(self, state: LineState, push: Push, delta: Delta) -> Prepared:
        def work() -> Prepared:
            return state.prepare(
                delta,
                (push.serving_root, push.trainer_root),
                snapshot=push.snapshot,
                max_bytes=self.max_model_bytes,
            )

        small = len(push.serving) + len(push.trainer) <= IN_LOOP_MAX
        return work() if small else await asyncio.to_thread(work)

    async def _commit(
        self, model: Model, record: ModelRecord, line: LineRecord, row: VersionRow, push: Push
    ) -> None:
        line = suspicion.contained(after_push(line, row.version), push.positions)
        record = record.with_version(row.version, line, row.stored.moved)
        body = row.delta or row.snapshot
        assert body is not None
        large = ((body.sha, push.serving + push.trainer),) if body.inline is None else ()
        await self._catalogue.commit(model, Change(record, row, blobs=large))

    def _after(self, model: Model, line: LineRecord, row: VersionRow, push: Push, delta: Delta) -> None:
        """Tell everyone; the version is durable."""
        if row.delta is not None:
            recent = RecentDelta(row.base, delta.serving, push.serving, push.arrivals.oldest_ns)
            model.recent.add(row.version, recent)
        self._hub.channel_moved(model.name, *(channel.name for channel in row.stored.moved))
        if not line.pushed:
            # The line's first version: from now on it can be promoted.
            self._hub.model_changed(model.name)
        metrics.DELTA_BYTES.observe(len(push.serving))
        metrics.HEAD_VERSION.labels(model.name).set(row.version)
        self._snapshots.pushed(model, line.number, row)

    async def _answer_again(self, model: Model, line: LineRecord, push: Push) -> Pushed:
        """The answer that this push got before; raises `StaleBase` or `Fenced` when it is another one."""
        before = await self._pushed_before(model, line, push)
        if before is not None:
            return before
        _check_epoch(model, line, push)
        raise StaleBase(current=line.head, given=push.base_version)

    async def _pushed_before(self, model: Model, line: LineRecord, push: Push) -> Pushed | None:
        # What extended that base is the line's next version, and no other.
        condition = "model=? AND line=? AND version>? ORDER BY version LIMIT 1"
        values = (model.record.id, line.number, push.base_version)
        rows = await self._catalogue.store.run(
            lambda connection: version_rows.select_many(connection, condition, values)
        )
        row = next((row for row in rows if row.stored.manifest.push_id == push.push_id), None)
        return None if row is None else self._answer(row)

    def _answer(self, row: VersionRow) -> Pushed:
        stored = row.stored
        manifest = stored.manifest
        return Pushed(self._catalogue.store_id, manifest.version, manifest.digest, stored.moved, stored.held)


def _check_epoch(model: Model, line: LineRecord, push: Push) -> None:
    if line.closed or push.epoch != line.epoch:
        raise fenced(model, line, push.epoch)
