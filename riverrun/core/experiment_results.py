"""What an experiment has come to: a section of a line's evaluation report."""

from __future__ import annotations

import msgspec

Point = tuple[int, float, float, float]
"""Keys of both arms, the difference in mean loss, and where it surely lies: how it came to what it is."""


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """An arm's mean loss less that of the control: below 0 the arm is better.

    `low` and `high` hold whenever they are looked at, also while the models learn and the difference moves:
    it is an average over all keys so far, early ones weighing somewhat more. `path` is of some moments, the
    newest last.
    """

    difference: float
    low: float
    high: float
    path: tuple[Point, ...] = ()

    @property
    def is_decided(self) -> bool:
        """Whether the arms surely differ."""
        return not self.low <= 0 <= self.high


class ArmResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One arm. `answers` met their label; `loss` is their mean, from 0 to 1, None before the first.

    `keys` of them were the first of their key: what the comparison is made of.
    """

    arm: str
    answers: int
    keys: int
    loss: float | None
    against_control: Compared | None = None


class ExperimentResults(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One experiment, up to now; the control is the first of `arms`.

    `ratio_p` is the chance at most of shares as far off as those seen, where the declared ones are true;
    `mismatch` says that it is too small to believe: then the comparison is not to be believed either.
    `is_full`: so many keys were seen that no further ones are counted.
    """

    name: str
    arms: tuple[ArmResult, ...]
    ratio_p: float = 1.0
    mismatch: bool = False
    is_full: bool = False

    def arm(self, name: str) -> ArmResult | None:
        """The result of the arm called `name`, or None."""
        return next((one for one in self.arms if one.arm == name), None)
