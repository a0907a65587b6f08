"""Versions of a linear model, good and bad in every way that we could think of."""

from __future__ import annotations

import dataclasses
import os
import random
from collections.abc import Callable
from typing import Any

from riverrun.codec.wire import encode_side
from riverrun.core.digest import HashTree
from riverrun.core.spec import parse_spec
from riverrun.core.units import SideDelta, Unit
from riverrun.learners.build import build_learner
from riverrun.learners.protocol import Learner
from tests.fault.harness.fake_server import Offer
from tests.fault.harness.serving_rig import SPEC
from tests.integration.serving.serving_stack import CLICKS

Spoil = Callable[["Maker"], Offer]


class Maker:
    """Makes offers that go on from the version that was taken last."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._spec = parse_spec(SPEC)
        self.learner = build_learner(self._spec)
        self._learn(self.learner)
        self.learner.changes()

    def good(self, base: int = 0) -> Offer:
        """The next version, which `learner` answers as; inline from `base` where that is not 0."""
        self._learn(self.learner)
        delta = self.learner.changes().serving
        return self._offer(self._units(), delta=encode_side(delta) if base else b"", base=base)

    def inline(self, offer: Offer, base: int) -> Offer:
        """`offer`, announced with all its bytes from `base`."""
        return dataclasses.replace(offer, base=base, delta=offer.whole)

    def with_weight(self, name: str, value: float) -> Offer:
        """A version that fits its digests and has one weight too many of a bad kind."""
        spoiled = build_learner(self._spec)
        self._learn(spoiled)
        linear: Any = list(spoiled.model.steps.values())[-1]
        if name == "intercept":
            linear.intercept = value
        else:
            linear._weights[name] = value
        spoiled.changes()
        return self._offer(dict(spoiled.state().serving))

    def of_another_model(self) -> Offer:
        """Weights of another spec's model under this one's name."""
        other = build_learner(parse_spec(CLICKS))
        other.learn([{"age": 3, "country": "ch", "member": True}], ["a"], [1.0])
        other.changes()
        return self._offer(dict(other.state().serving))

    def changed(self, change: Callable[[dict[int, Unit]], dict[int, Unit]], *, true_root: bool) -> Offer:
        """The present weights after `change`; `true_root` False: under the root they had before."""
        before = self._units()
        after = change(dict(before))
        return self._offer(after, root=None if true_root else HashTree(before).root)

    def raw(self, body: bytes) -> Offer:
        """A body that is none of ours."""
        return Offer(HashTree(self._units()).root, self._spec.digest(), body)

    def other_spec(self) -> Offer:
        """A version that says it is of another spec."""
        return dataclasses.replace(self._present(), spec_digest=os.urandom(32))

    def cut(self, after: int) -> Offer:
        """A version whose pull ends early."""
        return dataclasses.replace(self._present(), cut_after=after)

    def claiming(self, size: int) -> Offer:
        """A body whose header declares more bytes than any pod takes."""
        body = bytearray(self._present().whole)
        body[9:17] = size.to_bytes(8, "little")
        return self.raw(bytes(body))

    def _present(self) -> Offer:
        return self._offer(self._units())

    def _units(self) -> dict[int, Unit]:
        return dict(self.learner.state().serving)

    def _offer(
        self, units: dict[int, Unit], *, root: bytes | None = None, delta: bytes = b"", base: int = 0
    ) -> Offer:
        true_root = HashTree(units).root
        return Offer(root or true_root, self._spec.digest(), encode_side(SideDelta(units)), base, delta)

    def _learn(self, learner: Learner) -> None:
        for _ in range(5):
            rooms, size = self._rng.randint(1, 9), self._rng.uniform(20, 400)
            learner.learn([{"rooms": rooms, "size": size}], [10.0 * rooms + size], [1.0])


def _without_one(units: dict[int, Unit]) -> dict[int, Unit]:
    del units[max(units)]
    return units


def _flipped(units: dict[int, Unit]) -> dict[int, Unit]:
    number = max(units)
    units[number] = bytes([units[number][0] ^ 1]) + units[number][1:]
    return units


def _nonsense(units: dict[int, Unit]) -> dict[int, Unit]:
    return dict.fromkeys(units, b"nonsense")


SPOILS: dict[str, Spoil] = {
    "a weight that is NaN": lambda make: make.with_weight("size", float("nan")),
    "a weight that is infinite": lambda make: make.with_weight("rooms", float("inf")),
    "an intercept that is NaN": lambda make: make.with_weight("intercept", float("nan")),
    "weights of another shape": lambda make: make.of_another_model(),
    "a digest of other weights": lambda make: make.changed(_flipped, true_root=False),
    "a unit missing from the digest": lambda make: make.changed(_without_one, true_root=False),
    "a unit missing, digest and all": lambda make: make.changed(_without_one, true_root=True),
    "units that cannot be decoded": lambda make: make.changed(_nonsense, true_root=True),
    "another spec's digest": lambda make: make.other_spec(),
    "a cut stream": lambda make: make.cut(100),
    "no body at all": lambda make: make.raw(b""),
    "a body that is nonsense": lambda make: make.raw(os.urandom(300)),
    "a body that claims 2 TiB": lambda make: make.claiming(2 << 40),
}
"""Ways in which a version can be bad."""

PULLED = {"a cut stream", "another spec's digest", "a unit missing from the digest", "no body at all"}
INLINE = frozenset(SPOILS) - PULLED
"""Those that an announcement can carry too, as what leads on from the version before."""
