"""Keeping one slot where its policy wants it. A failed update leaves the last good version in use."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import structlog

from riverrun.core.errors import InvalidInput, RiverrunError, Unavailable, WrongStore
from riverrun.core.spec import SyncSpec
from riverrun.core.units import SideDelta, Unit
from riverrun.core.versions import LIVE
from riverrun.rpc.params_client import PEER, ParameterClient
from riverrun.rpc.watching import Announced
from riverrun.rpc.weights import Pulled
from riverrun.runtime import metrics, tracing
from riverrun.runtime.clock import Clock
from riverrun_serving.core.model_slot import LoadedVersion, ModelSlot
from riverrun_serving.sync.pending_deltas import PendingDeltas
from riverrun_serving.sync.sync_policy import SyncState, due_at
from riverrun_serving.sync.version_builder import VersionBuilder
from riverrun_serving.sync.weights import Weights

RETRY_S = (0.2, 10.0)
"""First and longest wait after a failed update."""

log = structlog.get_logger()


class SlotSync:
    """Takes new weights for one slot, when `due_at` says so.

    `store_id` is the store whose announcements count now; `start_again` changes it. Generations only go
    forward within a store. `on_change` is called after each swap and each failure. With `keep_units` the
    encoded units of the version in use are kept too, for the last-good copy.
    """

    def __init__(
        self,
        slot: ModelSlot,
        client: ParameterClient,
        weights: Weights,
        clock: Clock,
        on_change: Callable[[SlotSync], None],
        *,
        store_id: str,
        keep_units: bool,
    ) -> None:
        self.slot = slot
        self.store_id = store_id
        self.units: dict[int, Unit] | None = None
        self._client = client
        self._builder = VersionBuilder(slot, weights)
        self._clock = clock
        self._on_change = on_change
        self._keep_units = keep_units
        self._news = asyncio.Event()
        self._pending = PendingDeltas()
        self._announced = 0
        self._announced_at = 0.0
        self._arrival_ns = 0
        self._taken_at: float | None = None
        self._checked_at: float | None = None
        self._retry_at = 0.0
        self._retry_s = RETRY_S[0]
        self._needs_snapshot = False
        self._sync_bytes = metrics.SYNC_BYTES.labels(slot.model)

    @property
    def policy(self) -> SyncSpec:
        """The policy in force. Pinning is about `live`: other channels then follow announcements."""
        policy = self.slot.policy
        return SyncSpec() if policy.mode == "pinned" and self.slot.channel != LIVE else policy

    @property
    def state(self) -> SyncState:
        """Where the slot stands, as the policy sees it."""
        current = self.slot.current
        return SyncState(
            version=0 if current is None else current.version,
            applied=0 if current is None or current.store_id != self.store_id else current.generation,
            announced=self._announced,
            taken_at=self._taken_at,
            checked_at=self._checked_at,
        )

    def adopt(self, loaded: LoadedVersion, units: dict[int, Unit] | None) -> None:
        """Answer with a copy from disk until the parameter server says what is newer."""
        self.units = units
        self.slot.swap(loaded, self._clock.monotonic(), None)
        self._announced = max(self._announced, loaded.generation)

    def set_policy(self, policy: SyncSpec) -> None:
        """Go by another policy from now on."""
        if policy != self.slot.policy:
            self.slot.policy = policy
            self._news.set()

    def know(self, generation: int, version: int) -> None:
        """Hear from the catalogue that the channel stands at `generation` and `version`."""
        if version and generation > self._announced:
            self._take_note(generation, 0)

    def offer(self, announced: Announced) -> None:
        """Hear of a move of the channel; one that is old or in use already changes nothing."""
        if announced.generation < self._announced or announced.generation <= self.state.applied:
            return
        if self.policy.mode == "watch":
            self._pending.add(announced)
        self._take_note(announced.generation, announced.oldest_arrival_ns)

    def confirm(self, unconfirmed_s: float) -> None:
        """Hear that nothing was newer than what was announced, `unconfirmed_s` ago."""
        state = self.state
        if state.version and 0 < state.announced <= state.applied:
            confirmed_at = self._clock.monotonic() - unconfirmed_s
            self.slot.confirmed_at = max(self.slot.confirmed_at, confirmed_at)

    def start_again(self, store_id: str) -> None:
        """Another store answers now: what is in use stays, until a pull from there replaces it."""
        self.store_id = store_id
        self._announced = 0
        self._arrival_ns = 0
        self._checked_at = None
        self._needs_snapshot = True
        self._retry_at = 0.0
        self._pending.clear()
        self._news.set()

    async def run(self) -> None:
        """Take weights whenever they are due, for ever."""
        while True:
            self._news.clear()
            due = due_at(self.policy, self.state)
            now = self._clock.monotonic()
            if due is not None and max(due, self._retry_at) <= now:
                await self.catch_up()
                # A slot that is always behind must not keep the others from their turn.
                await asyncio.sleep(0)
                continue
            wait_s = None if due is None else max(due, self._retry_at) - now
            try:
                # Not wait_for: in Python 3.11 it swallows a cancellation that comes with the news.
                async with asyncio.timeout(wait_s):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def catch_up(self) -> None:
        """Take what is due, once. A failure is counted and reported, and tried again by a later pull."""
        attributes = {tracing.MODEL: self.slot.model, tracing.CHANNEL: self.slot.channel}
        try:
            with tracing.span("apply version", attributes=attributes):
                if not await self._apply_pending():
                    await self._pull()
        except Exception as error:  # whatever a bad update raises, the last good version goes on
            self._failed(error)
        else:
            self._retry_s = RETRY_S[0]
            self._retry_at = 0.0

    def _take_note(self, generation: int, oldest_arrival_ns: int) -> None:
        if generation > self._announced:
            self._announced_at = self._clock.monotonic()
            # What failed may have been the version alone: another one is tried soon, whatever came before.
            self._retry_at = min(self._retry_at, self._announced_at + RETRY_S[0])
        self._announced = generation
        if oldest_arrival_ns:
            known = self._arrival_ns
            self._arrival_ns = min(known, oldest_arrival_ns) if known else oldest_arrival_ns
        self._news.set()

    async def _apply_pending(self) -> bool:
        """Take what was announced inline; False where that does not go on from the version in use."""
        current = self.slot.current
        if current is None or current.store_id != self.store_id or self._needs_snapshot:
            self._pending.clear()
            return False
        chain = self._pending.take(current.version, current.manifest.spec_digest)
        if not chain:
            return False
        bodies = [announced.serving for announced in chain]
        self._received(sum(map(len, bodies)))
        newest, store_id = chain[-1], self.store_id
        delta = await self._builder.delta_of(bodies)
        predictor = await self._builder.update(current, current.spec, delta, newest.manifest)
        if store_id != self.store_id:
            return True
        loaded = LoadedVersion(
            store_id, newest.manifest, current.spec, current.spec_yaml, predictor, newest.generation
        )
        self._swap(loaded, delta, whole=False, confirmed_at=self._announced_at)
        return True

    async def _pull(self) -> None:
        store_id = self.store_id
        current = self.slot.current
        fits = current is not None and current.store_id == store_id and not self._needs_snapshot
        pinned = self.policy.version or 0
        asked_at = self._clock.monotonic()
        known = max(self.state.applied, self._announced)
        pulled = await self._client.pull(
            self.slot.model,
            channel="" if pinned else self.slot.channel,
            version=pinned,
            have_version=current.version if fits and current is not None else 0,
            have_store_id=store_id,
        )
        if store_id != self.store_id:
            return
        self._check_forward(pulled, pinned, known)
        self._received(len(pulled.serving))
        self._checked_at = asked_at
        confirmed_at = asked_at - pulled.unconfirmed_s
        if current is not None and pulled.base_version == pulled.manifest.version == current.version:
            self._announced = max(self._announced, pulled.generation)
            again = current.at_generation(pulled.generation)
            self._swap(again, SideDelta(), whole=False, confirmed_at=confirmed_at)
            return
        delta = await self._builder.delta_of([pulled.serving])
        whole = pulled.base_version == 0
        spec = await self._builder.spec_of(pulled, current)
        if whole:
            predictor = await self._builder.build(spec, delta.changed, pulled.manifest.serving_root)
        elif current is not None and pulled.base_version == current.version:
            predictor = await self._builder.update(current, spec, delta, pulled.manifest)
        else:
            raise InvalidInput("base_version", f"the pull starts from {pulled.base_version}, not from ours")
        if store_id != self.store_id:
            return
        self._announced = max(self._announced, pulled.generation)
        loaded = LoadedVersion(
            store_id, pulled.manifest, spec, pulled.spec_yaml, predictor, pulled.generation
        )
        self._swap(loaded, delta, whole=whole, confirmed_at=confirmed_at)

    def _check_forward(self, pulled: Pulled, pinned: int, known: int) -> None:
        if pulled.store_id != self.store_id:
            raise WrongStore(pulled.store_id, self.store_id)
        if pinned:
            if pulled.manifest.version != pinned:
                raise Unavailable(PEER, f"it answered with version {pulled.manifest.version}, not {pinned}")
        elif pulled.generation < known:
            raise Unavailable(PEER, f"it is behind: generation {pulled.generation} after {known}")

    def _received(self, size: int) -> None:
        self._sync_bytes.inc(size)
        tracing.describe({tracing.BYTES: size})

    def _swap(self, loaded: LoadedVersion, delta: SideDelta, *, whole: bool, confirmed_at: float) -> None:
        first = self.slot.current is None
        if self._keep_units:
            if whole or self.units is None:
                self.units = dict(delta.changed) if whole else None
            else:
                delta.apply_in_place(self.units)
        arrival_ns, self._arrival_ns = self._arrival_ns, 0
        freshness_s = None
        if arrival_ns and not first:
            freshness_s = max(0.0, (self._clock.wall_ns() - arrival_ns) / 1e9)
        self._needs_snapshot = False
        self._taken_at = self._clock.monotonic()
        self.slot.swap(loaded, confirmed_at, freshness_s)
        tracing.describe({tracing.VERSION: loaded.version})
        self._on_change(self)

    def _failed(self, error: Exception) -> None:
        self._pending.clear()
        # What the server cannot give now it can give later; what it gave and is wrong, it gives whole.
        self._needs_snapshot |= not isinstance(error, Unavailable)
        self._retry_at = self._clock.monotonic() + self._retry_s * random.uniform(0.5, 1.0)
        self._retry_s = min(2 * self._retry_s, RETRY_S[1])
        self.slot.fail(
            str(error) if isinstance(error, RiverrunError) else "an error in this process; see its log"
        )
        log.warning(
            "an update could not be taken; the last good version goes on",
            model=self.slot.model,
            channel=self.slot.channel,
            error=str(error),
            exc_info=None if isinstance(error, RiverrunError) else error,
        )
        self._on_change(self)
