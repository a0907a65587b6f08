"""The state at the head of a line, in memory: what a push is verified against and a snapshot made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from riverrun.codec.rounded_marks import is_rounded
from riverrun.core.digest import HashTree
from riverrun.core.errors import DigestMismatch, Exhausted, InvalidInput
from riverrun.core.units import EMPTY, Delta, SideDelta, State, Unit


class _Side:
    """One side's units, their hash tree and their size."""

    __slots__ = ("size", "tree", "units")

    def __init__(self, units: Mapping[int, Unit]) -> None:
        self.units = dict(units)
        self.tree = HashTree(self.units)
        self.size = sum(map(len, self.units.values()))

    def undoing(self, delta: SideDelta) -> SideDelta:
        """What leads back from `delta`."""
        touched = delta.changed.keys() | delta.dropped
        return SideDelta(
            {n: self.units[n] for n in touched if n in self.units},
            frozenset(n for n in delta.changed if n not in self.units),
        )

    def growth(self, delta: SideDelta) -> int:
        """Bytes by which the side grows with `delta`."""
        units = self.units
        gone = sum(len(units[n]) for n in delta.changed.keys() | delta.dropped if n in units)
        return sum(map(len, delta.changed.values())) - gone


@dataclass(frozen=True, slots=True)
class Prepared:
    """A verified step of a line: `commit` it once it is durable, or `undo` it."""

    delta: Delta
    undo: Delta
    snapshot: bool
    serving_growth: int
    trainer_growth: int


class LineState:
    """The state of a line's head. One caller at a time; `prepare`, then `commit` or `undo`.

    `units` are as of the last commit at any time, so that a reader in the same thread never sees a
    version that is not durable.
    """

    __slots__ = ("_serving", "_trainer", "next_unit")

    def __init__(self, state: State) -> None:
        self._serving = _Side(state.serving)
        self._trainer = _Side(state.trainer)
        self.next_unit = state.next_unit

    @classmethod
    def empty(cls) -> LineState:
        """The state of a line without a version."""
        return cls(EMPTY)

    @property
    def roots(self) -> tuple[bytes, bytes]:
        """The roots of the serving and the trainer side."""
        return self._serving.tree.root, self._trainer.tree.root

    @property
    def size(self) -> int:
        """Bytes of all units."""
        return self._serving.size + self._trainer.size

    def state(self) -> State:
        """A copy that later commits leave alone; costs a reference per unit."""
        return State(dict(self._serving.units), dict(self._trainer.units), self.next_unit)

    def prepare(
        self, delta: Delta, roots: tuple[bytes, bytes], *, snapshot: bool, max_bytes: int
    ) -> Prepared:
        """Verify that `delta` leads to `roots`; a `snapshot` replaces what is there.

        Raises `DigestMismatch`, `InvalidInput` and `Exhausted`; the state is then as before.
        """
        if snapshot:
            # As a delta from what is there, so that one way serves for both.
            delta = Delta(
                _replacing(self._serving.units, delta.serving),
                _replacing(self._trainer.units, delta.trainer),
                delta.next_unit,
            )
        self._check_numbers(delta)
        growth = self._serving.growth(delta.serving), self._trainer.growth(delta.trainer)
        if self.size + sum(growth) > max_bytes:
            raise Exhausted("state of the model", f"{max_bytes} bytes")
        undo = Delta(self._serving.undoing(delta.serving), self._trainer.undoing(delta.trainer))
        prepared = Prepared(delta, undo, snapshot, *growth)
        self._serving.tree.update(delta.serving)
        self._trainer.tree.update(delta.trainer)
        if self.roots != roots:
            found = self.roots
            self.undo(prepared)
            what = "serving" if roots[0] != found[0] else "trainer"
            index = 0 if what == "serving" else 1
            raise DigestMismatch(f"{what} side of the push", roots[index].hex(), found[index].hex())
        for side, other in ((delta.serving, self._trainer), (delta.trainer, self._serving)):
            twice = next(
                (n for n in side.changed if n in other.tree and not self._is_rounded(n, delta)), None
            )
            if twice is not None:
                self.undo(prepared)
                raise InvalidInput("unit", f"expected numbers unique over both sides, got {twice} twice")
        return prepared

    def _is_rounded(self, number: int, delta: Delta) -> bool:
        """Whether the trainer's unit of this number is the exact form of a rounded one after `delta`."""
        unit = delta.serving.changed.get(number)
        return is_rounded(self._serving.units[number] if unit is None else unit)

    def commit(self, prepared: Prepared) -> None:
        """Take the step: from now on it is the state."""
        delta = prepared.delta
        delta.serving.apply_in_place(self._serving.units)
        delta.trainer.apply_in_place(self._trainer.units)
        self._serving.size += prepared.serving_growth
        self._trainer.size += prepared.trainer_growth
        self.next_unit = delta.next_unit

    def undo(self, prepared: Prepared) -> None:
        """Forget the step."""
        self._serving.tree.update(prepared.undo.serving)
        self._trainer.tree.update(prepared.undo.trainer)

    def _check_numbers(self, delta: Delta) -> None:
        if delta.next_unit < self.next_unit:
            raise InvalidInput("next_unit", f"expected at least {self.next_unit}, got {delta.next_unit}")
        for side in (delta.serving, delta.trainer):
            for number in side.changed:
                if not 0 <= number < delta.next_unit:
                    raise InvalidInput("unit", f"expected a number below next_unit, got {number}")


def _replacing(units: Mapping[int, Unit], whole: SideDelta) -> SideDelta:
    return SideDelta(whole.changed, frozenset(n for n in units if n not in whole.changed))
