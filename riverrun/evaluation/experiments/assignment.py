"""Which arm a request belongs to: a hash of its key, so that it is the same on every pod and every day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

SLOTS = 1 << 64


@dataclass(frozen=True, slots=True)
class ArmShare:
    """An arm and the share of keys that it gets, in (0, 1]."""

    arm: str
    share: float


class Assignment:
    """Gives each key one arm, by the shares declared.

    The hash is salted with the experiment's name: two experiments divide the same keys independently, and
    none inherits the users that another has treated. A key outside all shares is in no arm.
    """

    def __init__(self, experiment: str, arms: Sequence[ArmShare]) -> None:
        """Raises `ValueError` for no arms, a share that is not in (0, 1], or shares above 1 together."""
        if not arms:
            raise ValueError("expected one arm at least")
        for arm in arms:
            if not 0 < arm.share <= 1:
                raise ValueError(f"expected a share above 0 and at most 1 for {arm.arm}, got {arm.share}")
        total = sum(arm.share for arm in arms)
        if total > 1 + 1e-9:
            raise ValueError(f"expected shares of 1 at most together, got {total:g}")
        self._person = blake2b(experiment.encode(), digest_size=16).digest()
        self._ends: list[tuple[int, str]] = []
        end = 0.0
        for arm in arms:
            end += arm.share
            self._ends.append((round(min(end, 1.0) * SLOTS), arm.arm))

    def arm_of(self, key: str) -> str | None:
        """The arm of `key`; None where it takes no part."""
        return self.arm_at(self.place_of(key))

    def place_of(self, key: str) -> int:
        """The hash of `key` in [0, 2**64), which decides its arm."""
        digest = blake2b(key.encode(errors="surrogatepass"), digest_size=8, person=self._person).digest()
        return int.from_bytes(digest, "big")

    def arm_at(self, place: int) -> str | None:
        """The arm of all keys with that hash; None where they take no part."""
        for end, arm in self._ends:
            if place < end:
                return arm
        return None
