"""Versions, lines and channels as the parameter server keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from riverrun.core.events import NO_ARRIVALS, NO_POSITIONS, Arrivals, OffsetRange, Positions
from riverrun.core.experiments import Experiment

LIVE = "live"
CANDIDATE = "candidate"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything known of one version but its weights.

    Its identity is (`epoch`, `version`, `digest`). `parent` is the version it was learned from, 0 for
    none. Times are Unix nanoseconds. `metrics` are prequential, over the line so far. `skipped` are the
    examples that this line left out on purpose (DECISIONS 2), given on the line's first version.
    """

    model: str
    version: int
    line: int
    parent: int
    epoch: int
    digest: bytes
    serving_root: bytes
    trainer_root: bytes
    spec_digest: bytes
    created_ns: int
    next_unit: int
    positions: Positions = field(default_factory=lambda: NO_POSITIONS)
    watermark_ns: int = 0
    examples: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    arrivals: Arrivals = NO_ARRIVALS
    skipped: tuple[OffsetRange, ...] = ()
    push_id: str = ""
    delta_bytes: int = 0
    good: bool = False


@dataclass(frozen=True, slots=True)
class KeptVersion:
    """A version as it is kept. `delta_bytes` are those of the delta from the version before it that is kept,
    `snapshot_bytes` those of its snapshot, both sides, 0 for none. `reasons` say why it is kept; without
    any it goes when the server next looks: see `ListVersionsResponse.Kept`.
    """

    manifest: Manifest
    delta_bytes: int
    snapshot_bytes: int
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Channel:
    """A named pointer to a version. It follows a line, or is held at a version (`follows` is None).

    `generation` counts the moves of the channel and only grows; readers order announcements by it.
    `version` 0 means that the line has no version yet.
    """

    name: str
    generation: int
    version: int
    follows: int | None

    @property
    def held(self) -> bool:
        """Whether pushes leave this channel where it is."""
        return self.follows is None


@dataclass(frozen=True, slots=True)
class Line:
    """A chain of versions by parent. `head` 0 means nothing was pushed; `closed` takes no more pushes.

    `retrain`: a retrain that is under way, which a process of its own learns. Examples whose time (Unix
    nanoseconds) is before `since_ns` are not learned.
    """

    number: int
    head: int
    epoch: int
    spec_digest: bytes
    closed: bool = False
    retrain: bool = False
    since_ns: int = 0


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A registered model: the newest spec as YAML, and where its lines and channels stand.

    `spec_revision` counts accepted specs. `problem` says why nobody learns it, empty when all is well.
    `experiments` are the one that runs and those that ended last, oldest first.
    """

    name: str
    spec_yaml: str
    spec_revision: int
    lines: tuple[Line, ...]
    channels: tuple[Channel, ...]
    created_ns: int = 0
    problem: str = ""
    experiments: tuple[Experiment, ...] = ()

    def channel(self, name: str) -> Channel | None:
        """The channel called `name`, or None."""
        return next((channel for channel in self.channels if channel.name == name), None)

    @property
    def running_experiment(self) -> Experiment | None:
        """The experiment that assigns keys now, or None."""
        return next((one for one in self.experiments if one.is_running), None)


@dataclass(frozen=True, slots=True)
class Freshness:
    """How fresh a reader's last `swaps` swaps were: seconds from the arrival of a version's oldest event to
    the moment when answers came from it. Clocks of two machines are in it."""

    p50_s: float
    p99_s: float
    swaps: int


@dataclass(frozen=True, slots=True)
class ReaderInfo:
    """What one reader reported of one (model, channel), as the parameter server sees it.

    `lag` counts versions between the channel's newest and the reader's. `problem` is why the reader
    could not take the newest version, empty when it could. `reported_ns` is the server's clock.
    `freshness` is None before the first swap to a version that learned from an event.
    """

    reader_id: str
    address: str
    model: str
    channel: str
    version: int
    generation: int
    lag: int
    sync: str
    reported_ns: int
    problem: str = ""
    freshness: Freshness | None = None
