"""Answering with one version of a River model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.codec.live_graph import LiveGraph
from riverrun.core.errors import InvalidInput
from riverrun.core.predictions import Features, Prediction
from riverrun.core.spec.model_spec import ModelSpec
from riverrun.core.steps import Steps, finish
from riverrun.core.units import SideDelta, Unit
from riverrun.learners.factories import Factories
from riverrun.learners.river_answers import answers_of
from riverrun.learners.river_batches import many_answers_of
from riverrun.learners.river_model import RiverModel, allow_list_of


class RiverPredictor:
    """One version of a River model, as its serving side alone."""

    def __init__(self, spec: ModelSpec, graph: LiveGraph) -> None:
        """Raises `InvalidInput` where the graph is not that of a River learner."""
        if type(graph.root) is not RiverModel:
            raise InvalidInput("state", "not the state of a River learner")
        self._spec = spec
        self._graph = graph
        self._answer = answers_of(graph.root.model, spec)
        self._answer_many = many_answers_of(graph.root.model, spec)

    @classmethod
    def opening(
        cls, spec: ModelSpec, factories: Factories, units: Mapping[int, Unit], serving_root: bytes
    ) -> Steps[RiverPredictor]:
        """The predictor of `units`, in steps; what a factory needs is imported at once, before the first.

        Raises `DigestMismatch` where they do not have `serving_root`.
        """
        return cls._opening(spec, GraphDecoder(allow_list_of(spec, factories)), units, serving_root)

    @classmethod
    def _opening(
        cls, spec: ModelSpec, decoder: GraphDecoder, units: Mapping[int, Unit], serving_root: bytes
    ) -> Steps[RiverPredictor]:
        return cls(spec, (yield from LiveGraph.opening(decoder, units, serving_root)))

    def predict(self, features: Features) -> Prediction:
        """Answer for one row."""
        return self._answer(features)

    def predict_many(self, rows: Sequence[Features]) -> list[Prediction]:
        """Answer for each row, in order."""
        if self._answer_many is not None:
            together = self._answer_many(rows)
            if together is not None:
                return together
        answer = self._answer
        return [answer(row) for row in rows]

    def updated(self, delta: SideDelta, serving_root: bytes) -> RiverPredictor:
        """The predictor of the version that `delta` leads to from this one."""
        return finish(self.updating(delta, serving_root))

    def updating(self, delta: SideDelta, serving_root: bytes) -> Steps[RiverPredictor]:
        """The same in steps of some microseconds, one for each unit."""
        return RiverPredictor(self._spec, (yield from self._graph.updating(delta, serving_root)))
