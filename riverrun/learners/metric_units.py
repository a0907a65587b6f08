"""The metrics of a learner that is no River graph, as units among its others."""

from __future__ import annotations

from collections.abc import Mapping

from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.codec.graph_encoder import GraphEncoder
from riverrun.core.errors import InvalidInput
from riverrun.core.units import SideDelta, State, Unit
from riverrun.evaluation import AgainstRest, Prequential, RocAuc
from riverrun.learners.river_allow_list import river_allow_list


class MetricUnits:
    """Prequential metrics as units of odd numbers; the even ones are left to the learner."""

    def __init__(self, prequential: Prequential) -> None:
        self._allow = river_allow_list().with_types([Prequential, AgainstRest, RocAuc])
        self.prequential = prequential
        self._encoder = GraphEncoder(self._allow)

    def restored(self, units: Mapping[int, Unit], next_unit: int) -> None:
        """Go on from `units`. Raises `InvalidInput` where they hold no metrics."""
        inner = {number >> 1: unit for number, unit in units.items()}
        root, encoder = GraphDecoder(self._allow).restore(State(inner, {}, next_unit + 1 >> 1))
        if type(root) is not Prequential:
            raise InvalidInput("state", "holds no metrics")
        self.prequential, self._encoder = root, encoder

    def changes(self) -> tuple[SideDelta, int]:
        """What changed since the last call, and the first number that was never used."""
        delta = self._encoder.encode(self.prequential)
        changed = {number * 2 + 1: unit for number, unit in delta.serving.changed.items()}
        dropped = frozenset(number * 2 + 1 for number in delta.serving.dropped)
        return SideDelta(changed, dropped), delta.next_unit * 2
