"""What a reader holds: one version's object graph, and the way to the next version's."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from weakref import ref

from riverrun.codec.graph_build import GraphBuild
from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.core.digest import HashTree
from riverrun.core.errors import DigestMismatch
from riverrun.core.steps import Steps, finish
from riverrun.core.units import SideDelta, Unit


class _Copy:
    """One of the object graphs that take turns: the one a version shows, or one that waits for its turn."""

    __slots__ = ("graph", "shown_by", "turn")

    def __init__(self, graph: GraphBuild) -> None:
        self.graph = graph
        self.turn = 0
        self.shown_by: ref[LiveGraph] | None = None

    def is_idle(self) -> bool:
        return self.shown_by is None or self.shown_by() is None


class LiveGraph:
    """The serving side of one version as a live object. It is read only: nothing may learn from `root`.

    A version stays as it is while newer ones are made from it, for as long as this object is held; what it
    gave out (`root`, `units`) must not be used once it is let go, because the object graph of a version that
    was let go is brought to the next version but one, in place, at the cost of what changed. So two object
    graphs take turns. Where a version is held for longer, and where answering changes objects, the next one
    is built anew.
    """

    __slots__ = ("__weakref__", "_behind", "_copy", "_decoder", "_tree", "root", "serving_root", "units")

    _tree: HashTree | None

    def __init__(self, decoder: GraphDecoder, units: Mapping[int, Unit], serving_root: bytes) -> None:
        """`opening`, all at once."""
        finish(self._opening(decoder, units, serving_root))

    @classmethod
    def opening(
        cls, decoder: GraphDecoder, units: Mapping[int, Unit], serving_root: bytes
    ) -> Steps[LiveGraph]:
        """The graph of `units`, in steps.

        Raises `DigestMismatch` when they do not have `serving_root`, `InvalidInput` as `decode` does.
        """
        graph = cls.__new__(cls)
        yield from graph._opening(decoder, units, serving_root)
        return graph

    def _opening(self, decoder: GraphDecoder, units: Mapping[int, Unit], serving_root: bytes) -> Steps[None]:
        tree = HashTree()
        yield from tree.updating(SideDelta(units))
        _check(tree, serving_root)
        self._show(decoder, _Copy((yield from decoder.opening(dict(units)))), tree, None)

    def updated(self, delta: SideDelta, serving_root: bytes) -> LiveGraph:
        """`updating`, all at once."""
        return finish(self.updating(delta, serving_root))

    def updating(self, delta: SideDelta, serving_root: bytes) -> Steps[LiveGraph]:
        """The graph of the version that `delta` leads to; this one answers as before, meanwhile and after.

        Raises `DigestMismatch` when the result does not have `serving_root`, `InvalidInput` when it
        cannot be decoded; either way, and where not all steps are taken, this graph is unharmed.
        """
        tree, self._tree = self._tree, None
        if tree is None:
            tree = HashTree()
            yield from tree.updating(SideDelta(self.units))
        # The tree goes on with the newer version; this one makes another should it be asked again.
        yield from tree.updating(delta)
        _check(tree, serving_root)
        copy = yield from self._next_copy(delta)
        after = LiveGraph.__new__(LiveGraph)
        after._show(self._decoder, copy, tree, (self._copy, self._copy.turn, delta))
        return after

    def _show(
        self,
        decoder: GraphDecoder,
        copy: _Copy,
        tree: HashTree,
        behind: tuple[_Copy, int, SideDelta] | None,
    ) -> None:
        copy.shown_by = ref(self)
        self._decoder = decoder
        self._copy = copy
        self._tree = tree
        # The copy whose turn is next, which of its turns it had then, and what has to be applied to it.
        self._behind = behind
        self.root: Any = copy.graph.root
        self.serving_root = tree.root
        self.units: Mapping[int, Unit] = MappingProxyType(copy.graph.units)

    def _next_copy(self, delta: SideDelta) -> Steps[_Copy]:
        behind, self._behind = self._behind, None
        if behind is not None:
            copy, turn, missing = behind
            if copy.is_idle() and copy.turn == turn and not copy.graph.restless:
                copy.turn += 1
                copy.graph = yield from self._decoder.updating(copy.graph, missing.then(delta))
                return copy
        return _Copy((yield from self._decoder.opening(delta.apply(self.units))))


def _check(tree: HashTree, serving_root: bytes) -> None:
    if tree.root != serving_root:
        raise DigestMismatch("serving side", serving_root.hex(), tree.root.hex())
