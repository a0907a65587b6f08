"""Versions on their way: to the parameter server, and from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from riverrun.core.events import NO_ARRIVALS, NO_POSITIONS, Arrivals, OffsetRange, Positions
from riverrun.core.versions import Channel, Manifest


@dataclass(frozen=True, slots=True)
class Push:
    """One version on its way to the server; the bodies are encoded by `riverrun.codec.wire`.

    `line` 0 opens a line of its own, of the spec at `spec_revision`: see `ParameterService.Push`.
    """

    model: str
    line: int
    epoch: int
    base_version: int
    push_id: str
    serving: bytes
    trainer: bytes
    snapshot: bool
    serving_root: bytes
    trainer_root: bytes
    next_unit: int
    positions: Positions = field(default_factory=lambda: NO_POSITIONS)
    watermark_ns: int = 0
    examples: int = 0
    metrics: tuple[tuple[str, float], ...] = ()
    arrivals: Arrivals = NO_ARRIVALS
    skipped: tuple[OffsetRange, ...] = ()
    spec_revision: int = 0


@dataclass(frozen=True, slots=True)
class Pushed:
    """The server's answer: the version is durable and announced; `held` when no channel shows it."""

    store_id: str
    version: int
    digest: bytes
    moved: tuple[Channel, ...]
    held: bool


@dataclass(frozen=True, slots=True)
class Pulled:
    """A version's weights: deltas from `base_version`, whole when that is 0, empty when it is this version.

    `generation` is the channel's, 0 where a version was asked for. `unconfirmed_s` is how long ago the server
    last knew that this is the channel's newest: 0 but for a read replica that is behind.
    """

    store_id: str
    manifest: Manifest
    generation: int
    base_version: int
    serving: bytes
    trainer: bytes
    spec_yaml: str
    unconfirmed_s: float = 0.0
