"""The oracle: what was promised to clients, held against what a recovered store answers.

Every push and append is *sent*, then *acknowledged*, *refused*, or left *unknown*. `check` says where the
store broke its word; it trusts nothing but what clients were told.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from riverrun.core.versions import Manifest
from riverrun.rpc.weights import Push, Pushed


@dataclass(frozen=True, slots=True)
class Problem:
    """A broken promise. `kind` is one word for tables and mutants, `what` names the case."""

    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


@dataclass(frozen=True, slots=True)
class SentPush:
    """A push as it left. `roots` are those of the state that it leads to."""

    model: str
    base: int
    epoch: int
    roots: tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model as the recovered store answers for it: every version, oldest first, and the live channel.

    `wrong_weights` are versions whose pulled weights did not have the root of their manifest.
    """

    versions: Sequence[Manifest]
    live: int
    generation: int
    wrong_weights: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A recovered store: models by name, and the (offset, event id) pairs of each model's labels."""

    models: Mapping[str, FoundModel]
    labels: Mapping[str, Sequence[tuple[int, str]]]


@dataclass
class Oracle:
    """What clients were told so far. One life of a store; versions and offsets start from nothing.

    Where the store `prunes`, an old version may be gone; the newest acknowledged one may not.
    """

    sent: dict[str, SentPush] = field(default_factory=dict)
    acked: dict[str, Pushed] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    refusals: int = 0
    seen: dict[tuple[str, int], bytes] = field(default_factory=dict)
    generations: dict[tuple[str, str], int] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    batches: dict[tuple[str, ...], str] = field(default_factory=dict)
    offsets: dict[str, int] = field(default_factory=dict)
    announcements: int = 0
    disconnections: int = 0
    told: list[Problem] = field(default_factory=list)
    prunes: bool = False

    def opened(self, model: str, epoch: int) -> None:
        """A trainer's session began."""
        if epoch <= self.epochs.get(model, 0):
            self._problem("epoch-repeated", f"{model}: epoch {epoch} after {self.epochs[model]}")
        self.epochs[model] = max(epoch, self.epochs.get(model, 0))

    def push_sent(self, push: Push) -> None:
        """A push is on its way, perhaps again."""
        self.refused.discard(push.push_id)
        roots = (push.serving_root, push.trainer_root)
        self.sent.setdefault(push.push_id, SentPush(push.model, push.base_version, push.epoch, roots))

    def push_acked(self, push_id: str, pushed: Pushed) -> None:
        """The server said that it is durable."""
        sent = self.sent[push_id]
        before = self.acked.setdefault(push_id, pushed)
        if (before.version, before.digest) != (pushed.version, pushed.digest):
            self._problem("acked-twice", f"{push_id} as {before.version} and as {pushed.version}")
        self._see(sent.model, pushed.version, pushed.digest)

    def push_refused(self, push_id: str) -> None:
        """The server said, for certain, that it did not take it."""
        self.refusals += 1
        self.refused.add(push_id)

    def old_epoch_answered(self, model: str, epoch: int, *, accepted: bool) -> None:
        """A push in an epoch that a later one has fenced was answered."""
        if accepted:
            self._problem("old-epoch-accepted", f"{model}: epoch {epoch}, newest {self.epochs[model]}")

    def announced(self, reader: str, store_id: str, manifest: Manifest, generation: int) -> None:
        """A reader was told that its channel is at this version."""
        self.announcements += 1
        key = (f"{reader} {store_id}", manifest.model)
        before = self.generations.get(key, 0)
        if generation < before:
            self._problem("reader-went-back", f"{reader}, {manifest.model}: {before} to {generation}")
        self.generations[key] = max(generation, before)
        self._see(manifest.model, manifest.version, manifest.digest)

    def labels_sent(self, model: str, ids: tuple[str, ...]) -> None:
        """One append of these event ids is on its way."""
        self.batches[ids] = model

    def labels_acked(self, ids: tuple[str, ...], offsets: Iterable[int]) -> None:
        """The log said where they are."""
        for event_id, offset in zip(ids, offsets, strict=True):
            if self.offsets.setdefault(event_id, offset) != offset:
                self._problem("acked-twice", f"label {event_id} at {self.offsets[event_id]} and {offset}")

    @property
    def in_flight(self) -> int:
        """Pushes sent and not answered."""
        return len(self.sent.keys() - self.acked.keys() - self.refused)

    def promise(self) -> Oracle:
        """What was promised up to now: later answers do not change it."""
        return copy.copy(self)._detached()

    def check(self, found: Found) -> list[Problem]:
        """Every broken promise: those noticed while clients talked, and those that `found` shows."""
        problems = list(self.told)
        for name in {sent.model for sent in self.sent.values()}:
            model = found.models.get(name)
            if model is None:
                if any(self.sent[push_id].model == name for push_id in self.acked):
                    problems.append(Problem("acked-lost", f"the whole of {name}"))
                continue
            problems += self._check_versions(name, model)
        problems += self._check_labels(found.labels)
        return problems

    def _check_versions(self, name: str, model: FoundModel) -> Iterable[Problem]:
        by_version = {m.version: m for m in model.versions}
        numbers = [m.version for m in model.versions]
        whole = sorted(set(numbers)) if self.prunes else list(range(1, len(numbers) + 1))
        if numbers != whole:
            yield Problem("gap-or-repeat", f"{name}: {numbers[-20:]}")
        acked = [pushed for push_id, pushed in self.acked.items() if self.sent[push_id].model == name]
        highest = max((pushed.version for pushed in acked), default=0)
        for pushed in acked:
            kept = by_version.get(pushed.version)
            if kept is None:
                if self._may_be_gone(pushed.version, model):
                    continue
                yield Problem("acked-lost", f"{name} version {pushed.version}")
            elif kept.digest != pushed.digest:
                yield Problem("acked-changed", f"{name} version {pushed.version}")
        if model.live < highest:
            yield Problem("head-behind", f"{name} at {model.live}, acknowledged {highest}")
        for (seen_name, version), digest in self.seen.items():
            if seen_name != name or (version not in by_version and self._may_be_gone(version, model)):
                continue
            if version not in by_version or by_version[version].digest != digest:
                yield Problem("seen-lost", f"{name} version {version}")
        yield from self._check_pushes(name, model)
        for version in model.wrong_weights:
            yield Problem("torn", f"{name} version {version}: its weights have another root")

    def _check_pushes(self, name: str, model: FoundModel) -> Iterable[Problem]:
        counts = Counter(manifest.push_id for manifest in model.versions)
        for manifest in model.versions:
            sent = self.sent.get(manifest.push_id)
            if sent is None or sent.model != name:
                yield Problem("never-sent", f"{name} version {manifest.version}")
                continue
            if (manifest.serving_root, manifest.trainer_root) != sent.roots or manifest.parent != sent.base:
                yield Problem("half-applied", f"{name} version {manifest.version}")
            if manifest.push_id in self.refused:
                yield Problem("refused-kept", f"{name} version {manifest.version}")
            if counts[manifest.push_id] > 1:
                yield Problem("applied-twice", f"{name} push {manifest.push_id}")

    def _may_be_gone(self, version: int, model: FoundModel) -> bool:
        return self.prunes and version < model.live

    def _check_labels(self, labels: Mapping[str, Sequence[tuple[int, str]]]) -> Iterable[Problem]:
        kept: dict[str, int] = {}
        for name, events in labels.items():
            if [offset for offset, _ in events] != list(range(len(events))):
                yield Problem("gap-or-repeat", f"offsets of labels of {name}")
            for offset, event_id in events:
                if event_id in kept:
                    yield Problem("label-twice", event_id)
                kept[event_id] = offset
        for event_id, offset in self.offsets.items():
            if kept.get(event_id) != offset:
                yield Problem("label-lost", f"{event_id} at {offset}, found at {kept.get(event_id)}")
        for ids in self.batches:
            if 0 < sum(event_id in kept for event_id in ids) < len(ids):
                yield Problem("half-applied", f"an append of {len(ids)} labels, the first {ids[0]}")
        for event_id in kept.keys() - {event_id for ids in self.batches for event_id in ids}:
            yield Problem("never-sent", f"label {event_id}")

    def _see(self, model: str, version: int, digest: bytes) -> None:
        if self.seen.setdefault((model, version), digest) != digest:
            self._problem("two-digests", f"{model} version {version}")

    def _problem(self, kind: str, what: str) -> None:
        self.told.append(Problem(kind, what))

    def _detached(self) -> Oracle:
        for name, value in list(vars(self).items()):
            setattr(self, name, copy.copy(value))
        return self
