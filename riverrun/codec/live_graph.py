"""What a reader holds: one version's object graph, and the way to the next version's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.core.digest import HashTree
from riverrun.core.errors import DigestMismatch
from riverrun.core.units import SideDelta, State, Unit


class LiveGraph:
    """The serving side of one version as a live object. It is read only: nothing may learn from `root`.

    A version stays as it is while newer ones are made from it; let go of it and its memory is free.
    """

    __slots__ = ("_decoder", "_tree", "_units", "root")

    def __init__(
        self,
        decoder: GraphDecoder,
        units: Mapping[int, Unit],
        serving_root: bytes,
        tree: HashTree | None = None,
    ) -> None:
        """Raises `DigestMismatch` when `units` do not have `serving_root`, `InvalidInput` as `decode`."""
        self._decoder = decoder
        self._units = units
        self._tree = HashTree(units) if tree is None else tree
        if self._tree.root != serving_root:
            raise DigestMismatch("serving side", serving_root.hex(), self._tree.root.hex())
        self.root: Any = decoder.decode(State(units))

    @property
    def serving_root(self) -> bytes:
        """The root of the serving side that this graph shows."""
        return self._tree.root

    @property
    def units(self) -> Mapping[int, Unit]:
        """The units of the serving side, as they were sent."""
        return self._units

    def updated(self, delta: SideDelta, serving_root: bytes) -> LiveGraph:
        """The graph of the version that `delta` leads to; this one still answers as before.

        Raises `DigestMismatch` when the result does not have `serving_root`, `InvalidInput` when it
        cannot be decoded; either way this graph is unharmed.
        """
        tree = self._tree.copy()
        tree.update(delta)
        return LiveGraph(self._decoder, delta.apply(self._units), serving_root, tree)
