"""A learner's state and the parts beside it, captured together."""

from __future__ import annotations

from collections.abc import Mapping

from riverrun.core.digest import HashTree
from riverrun.core.parts import PARTS_END, Part, StatePart, head_unit, in_state
from riverrun.core.units import NO_UNITS, Delta, SideDelta, Unit
from riverrun.learners.protocol import Learner

NO_PARTS: Mapping[Part, StatePart] = {}


class StateParts:
    """Tells what changed of a learner and its parts as one delta.

    Until a part has a unit, the delta and the roots are the learner's own, untouched. Units of parts that
    have no owner here stay as they are.
    """

    def __init__(
        self,
        learner: Learner,
        parts: Mapping[Part, StatePart] = NO_PARTS,
        restored: Mapping[int, Unit] = NO_UNITS,
    ) -> None:
        """`restored` are the units of all parts that the state holds, numbered as in the state."""
        self._learner = learner
        self._parts = parts
        self._head = restored.get(Part.HEAD.first_unit)
        self._tree = self._whole_tree(restored) if restored else None

    def changes(self) -> tuple[Delta, tuple[bytes, bytes]]:
        """What changed since the last call, and the serving and trainer root after it.

        Raises as `Learner.changes` does.
        """
        learned = self._learner.changes()
        beside = SideDelta()
        for part, owner in self._parts.items():
            beside = beside.then(in_state(part, owner.changes()))
        if self._tree is None and not beside:
            return learned, self.roots()
        head = head_unit(learned.next_unit)
        if head != self._head:
            self._head = head
            beside = beside.then(SideDelta({Part.HEAD.first_unit: head}))
        if self._tree is None:
            self._tree = self._whole_tree(NO_UNITS)
        else:
            self._tree.update(learned.trainer)
        self._tree.update(beside)
        delta = Delta(learned.serving, learned.trainer.then(beside), PARTS_END)
        return delta, self.roots()

    def roots(self) -> tuple[bytes, bytes]:
        """The serving and trainer root as of the last `changes` call."""
        serving_root, trainer_root = self._learner.roots()
        return serving_root, trainer_root if self._tree is None else self._tree.root

    def _whole_tree(self, parts: Mapping[int, Unit]) -> HashTree:
        return HashTree({**self._learner.state().trainer, **parts})
