"""A trainer of arbitrary weights: what the load client pushes for one model, and what it holds itself."""

from __future__ import annotations

import random
from dataclasses import dataclass

from riverrun.codec.wire import decode_side, encode_side
from riverrun.core.digest import HashTree
from riverrun.core.units import SideDelta
from riverrun.core.versions import Manifest
from riverrun.rpc.weights import Push

TRAINER_UNIT = 0
CHUNK = 64 << 10

SPEC = """\
name: {name}
task: binary
model:
  - linear_model.LogisticRegression: {{}}
features:
  distance: float
"""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of a model's first version, of a small push and of a large one, and how often it is large.

    A body over 64 KiB is stored in a file of its own, a smaller one in the database.
    """

    first: int = 4 << 10
    small: int = 300
    large: int = 100 << 10
    large_share: float = 0.2


class Line:
    """One model's only line as its trainer holds it. Payloads are random: nothing of them compresses."""

    def __init__(self, name: str, sizes: Sizes, rng: random.Random) -> None:
        self.name = name
        self.head = 0
        self.pending: Push | None = None
        self.last_epoch = 0
        self._sizes = sizes
        self._rng = rng
        self._serving = HashTree()
        self._trainer = HashTree()
        self._units = max(1, sizes.first // CHUNK)
        self._count = 0
        self._undo: tuple[SideDelta, SideDelta] = (SideDelta(), SideDelta())
        self._payloads: dict[int, bytes] = {}

    @property
    def spec(self) -> str:
        """The model's spec as YAML."""
        return SPEC.format(name=self.name)

    def next_push(self, epoch: int) -> Push:
        """The push of a new version on top of the head; `settle` must follow before the next one."""
        assert self.pending is None
        self._count += 1
        if self.head == 0:
            size = max(1, self._sizes.first // self._units)
            serving = SideDelta({n: self._rng.randbytes(size) for n in range(1, self._units + 1)})
        else:
            large = self._rng.random() < self._sizes.large_share
            size = self._sizes.large if large else self._sizes.small
            serving = SideDelta({self._rng.randint(1, self._units): self._rng.randbytes(size)})
        trainer = SideDelta({TRAINER_UNIT: self._count.to_bytes(8, "big")})
        changed = {**serving.changed, **trainer.changed}
        old = {n: self._payloads[n] for n in changed if n in self._payloads}
        self._undo = (_back(serving, old), _back(trainer, old))
        self._serving.update(serving)
        self._trainer.update(trainer)
        self.pending = Push(
            model=self.name,
            line=1,
            epoch=epoch,
            base_version=self.head,
            push_id=f"{self.name}-{self._count}-{self._rng.randbytes(4).hex()}",
            serving=encode_side(serving),
            trainer=encode_side(trainer),
            snapshot=False,
            serving_root=self._serving.root,
            trainer_root=self._trainer.root,
            next_unit=self._units + 1,
        )
        return self.pending

    def settle(self, version: int | None) -> None:
        """The pending push is the head as `version`; None: it was not taken."""
        push, self.pending = self.pending, None
        if push is None:
            return
        if version is None:
            self._serving.update(self._undo[0])
            self._trainer.update(self._undo[1])
            return
        for side in (push.serving, push.trainer):
            decode_side(side, max_bytes=1 << 30).apply_in_place(self._payloads)
        self.head = version

    def adopt(self, head: Manifest | None) -> None:
        """Go on from what a server says is the head: the pending push was taken, or it was not."""
        version = 0 if head is None else head.version
        taken = self.pending is not None and head is not None and head.push_id == self.pending.push_id
        self.settle(version if taken else None)
        # Where the store lost a version, this goes on from what it holds; the oracle has seen the loss.
        self.head = version


def _back(delta: SideDelta, old: dict[int, bytes]) -> SideDelta:
    gone = frozenset(n for n in delta.changed if n not in old)
    return SideDelta({n: old[n] for n in delta.changed if n in old}, gone)
