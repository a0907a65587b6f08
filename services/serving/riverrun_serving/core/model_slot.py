"""One slot: the version that a (model, channel) answers with, replaced by one reference."""

from __future__ import annotations

import dataclasses
from collections import deque
from dataclasses import dataclass, field

from riverrun.core.errors import NotReady
from riverrun.core.predictions import Features
from riverrun.core.spec import ModelSpec, SyncSpec
from riverrun.core.spec.row_check import RowCheck
from riverrun.core.versions import Freshness, Manifest
from riverrun.learners.protocol import Predictor
from riverrun.runtime import metrics
from riverrun_serving.core.matrix import float_row

RECENT_SWAPS = 1000


SlotKey = tuple[str, str]
"""A slot's model and its channel."""


@dataclass(frozen=True, slots=True)
class LoadedVersion:
    """A version that answers. Whoever took one answers from it alone, start to end.

    `generation` is the channel's at which it was taken; 0 where the policy pinned it by number.
    """

    store_id: str
    manifest: Manifest
    spec: ModelSpec
    spec_yaml: str
    predictor: Predictor
    generation: int
    check: RowCheck = field(init=False, compare=False)
    """Checks a row against the features of `spec`."""

    float_row: tuple[str, ...] = field(init=False, compare=False)
    """The features in the order of one FP64 tensor for all of them; empty where that is not their form."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "check", self.spec.check_row)
        object.__setattr__(self, "float_row", float_row(self.spec))

    @property
    def version(self) -> int:
        """The version's number."""
        return self.manifest.version

    def at_generation(self, generation: int) -> LoadedVersion:
        """The same weights, confirmed for a later move of the channel."""
        return dataclasses.replace(self, generation=generation)


@dataclass(slots=True)
class SlotMeter:
    """Sums over the requests that a slot was asked; seconds, and `last_at`, are of `time.perf_counter`."""

    rows: int = 0
    answered: int = 0
    answered_s: float = 0.0
    failed: int = 0
    failed_s: float = 0.0
    last_at: float = 0.0


class ModelSlot:
    """What one (model, channel) answers with now.

    Only its `SlotSync` writes to it, but for `answered_row`, a row that it answered of late, and `meter`,
    which is the edges'. `current` is None until the first weights are in. `confirmed_at` is the monotonic
    time at which `current` was last known to be the channel's newest (DECISIONS 29).
    """

    def __init__(self, model: str, channel: str) -> None:
        self.model = model
        self.channel = channel
        self.current: LoadedVersion | None = None
        self.confirmed_at = 0.0
        self.policy = SyncSpec()
        self.problem = ""
        self.recent_freshness_s: deque[float] = deque(maxlen=RECENT_SWAPS)
        self.row_seconds = 0.0
        self.answered_row: Features | None = None
        self.meter = SlotMeter()
        # Looking up a metric's child by its labels takes a lock and a dict each time: once is enough.
        self._version_gauge = metrics.SERVED_VERSION.labels(model, channel)
        self._generation_gauge = metrics.SERVED_GENERATION.labels(model, channel)
        self._swaps = metrics.SWAPS.labels(model, channel)
        self._failures = metrics.SWAP_FAILURES.labels(model, channel)
        self._freshness = metrics.FRESHNESS_SECONDS.labels(model, channel)

    def ready_version(self, now: float) -> LoadedVersion:
        """The version to answer with at the monotonic time `now`.

        Raises `NotReady` while nothing is in, and past `max_staleness` where the policy says refuse.
        """
        current = self.current
        if current is None:
            raise NotReady(f"model {self.model}", self.problem or "not trained yet: it has no version")
        limit = self.policy.max_staleness
        if limit is not None and self.policy.when_stale == "refuse" and now - self.confirmed_at > limit:
            age_s = now - self.confirmed_at
            raise NotReady(
                f"model {self.model}",
                f"its version was last confirmed {age_s:.1f} s ago, max_staleness is {limit:g} s",
            )
        return current

    def age_s(self, now: float) -> float:
        """Seconds since `current` was last confirmed as the channel's newest."""
        return max(0.0, now - self.confirmed_at)

    def swap(self, loaded: LoadedVersion, confirmed_at: float, freshness_s: float | None) -> None:
        """Answer with `loaded` from now on; requests that began go on with what they took."""
        changed = self.current is None or self.current.manifest.digest != loaded.manifest.digest
        self.current = loaded
        self.confirmed_at = max(self.confirmed_at, confirmed_at)
        self.problem = ""
        self._version_gauge.set(loaded.version)
        self._generation_gauge.set(loaded.generation)
        if changed:
            self._swaps.inc()
        if freshness_s is not None:
            self.recent_freshness_s.append(freshness_s)
            self._freshness.observe(freshness_s)

    def fail(self, problem: str) -> None:
        """Count a version that could not be taken; the slot goes on with what it has."""
        self.problem = problem
        self._failures.inc()

    def freshness(self) -> Freshness | None:
        """That of the recent swaps; None before the first."""
        if not self.recent_freshness_s:
            return None
        ordered = sorted(self.recent_freshness_s)
        last = len(ordered) - 1
        return Freshness(ordered[round(0.5 * last)], ordered[round(0.99 * last)], len(ordered))

    def forget_metrics(self) -> None:
        """Take the slot's gauges off the metrics page, once the channel is gone."""
        for gauge in (metrics.SERVED_VERSION, metrics.SERVED_GENERATION, metrics.AGE_SECONDS):
            gauge.remove(self.model, self.channel)
