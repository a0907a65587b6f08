"""The parameter server with its parts wired: what the edge calls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from riverrun.core.errors import WrongStore
from riverrun_param_server.catalogue import Catalogue
from riverrun_param_server.drift_records import DriftRecords
from riverrun_param_server.evaluations import Evaluations
from riverrun_param_server.experiments.experiments import Experiments
from riverrun_param_server.fatal import Fatal
from riverrun_param_server.keeping import Keeping
from riverrun_param_server.pulls import Pulls, PullWanted
from riverrun_param_server.pushes import Pushes
from riverrun_param_server.readers import Readers
from riverrun_param_server.registry import Registry
from riverrun_param_server.retraining.retraining import Retraining
from riverrun_param_server.sessions import Sessions
from riverrun_param_server.steering import Steering
from riverrun_param_server.store import Store
from riverrun_param_server.verdicts import Verdicts
from riverrun_param_server.watch_hub import Subscription, Watcher, WatchHub


@dataclass(frozen=True, slots=True)
class Held:
    """What a reader says it holds of one channel."""

    model: str
    channel: str
    version: int
    generation: int


class LostHistory(Exception):
    """A reader holds what this store never gave out: the store was put back to an older state."""


@dataclass(frozen=True, slots=True)
class ParamServer:
    """The parts; each one's docstrings say what to rely on."""

    store: Store
    catalogue: Catalogue
    registry: Registry
    sessions: Sessions
    pushes: Pushes
    pulls: Pulls
    steering: Steering
    retraining: Retraining
    experiments: Experiments
    hub: WatchHub
    readers: Readers
    keeping: Keeping
    evaluations: Evaluations
    drift_records: DriftRecords
    verdicts: Verdicts
    fatal: Fatal

    @property
    def store_id(self) -> str:
        return self.catalogue.store_id

    def watch(self, subscription: Subscription, have_store_id: str, held: Iterable[Held]) -> Watcher:
        """A new watcher. What it holds of another store counts as nothing.

        Raises `WrongStore`, and ends the process, where it holds what this store has yet to give out.
        """
        have: dict[tuple[str, str], int] = {}
        if have_store_id == self.store_id:
            for one in held:
                self._check_past(one)
                have[(one.model, one.channel)] = one.version
        return self.hub.join(replace(subscription, have=have))

    def pull_wanted(self, wanted: PullWanted, have_store_id: str) -> PullWanted:
        """`wanted` with what the caller holds of this store; raises as `watch` does."""
        if have_store_id != self.store_id or not wanted.have:
            return replace(wanted, have=0)
        self._check_past(Held(wanted.model, "", wanted.have, 0))
        return wanted

    def end_streams(self) -> None:
        """End watches and sessions: the server stops."""
        self.hub.end()
        self.sessions.end()

    def _check_past(self, held: Held) -> None:
        model = self.catalogue.find(held.model)
        if model is None:
            return
        channel = model.record.channel(held.channel)
        generation = model.record.generation_floor if channel is None else channel.generation
        known = held.version < model.record.next_version
        if known and (not held.channel or held.generation <= generation):
            return
        # Going on would give out numbers a second time with other weights (DECISIONS 15).
        self.fatal.set(
            LostHistory(
                f"a reader holds version {held.version} (generation {held.generation}) of {held.model}, "
                f"this store is at {model.record.next_version - 1} (generation {generation})"
            )
        )
        raise WrongStore(current="", given=self.store_id)
