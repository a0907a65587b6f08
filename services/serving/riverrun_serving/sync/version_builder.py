"""From encoded weights to a predictor that has answered once, while the version in use goes on answering."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from riverrun.core.errors import DigestMismatch
from riverrun.core.spec import ModelSpec, parse_spec
from riverrun.core.steps import Steps
from riverrun.core.units import SideDelta, Unit
from riverrun.core.versions import Manifest
from riverrun.learners.protocol import Predictor
from riverrun.rpc.weights import Pulled
from riverrun.runtime import metrics
from riverrun_serving.core.model_slot import LoadedVersion, ModelSlot
from riverrun_serving.sync.turns import in_turns, requests_turn
from riverrun_serving.sync.weights import Weights


async def opened(
    weights: Weights, spec: ModelSpec, units: Mapping[int, Unit], serving_root: bytes
) -> tuple[Predictor, float]:
    """The predictor of a whole version's `units`, and the processor seconds that its steps took.

    Raises what `Weights.opening` does.
    """
    return await in_turns(await asyncio.to_thread(weights.opening, spec, units, serving_root))


class VersionBuilder:
    """Builds what `slot` is to answer with next. Nothing that it raises harms what answers now."""

    def __init__(self, slot: ModelSlot, weights: Weights) -> None:
        self._slot = slot
        self._weights = weights

    async def delta_of(self, bodies: Sequence[bytes]) -> SideDelta:
        """What `bodies`, one on top of the other, change; an empty body changes nothing."""
        delta, _ = await in_turns(self._decoding(bodies))
        return delta

    async def spec_of(self, pulled: Pulled, current: LoadedVersion | None) -> ModelSpec:
        """The spec of a version that was pulled; that of `current` where they are one."""
        if current is not None and current.spec_yaml == pulled.spec_yaml:
            spec = current.spec
        else:
            spec = await asyncio.to_thread(parse_spec, pulled.spec_yaml)
        if spec.digest() != pulled.manifest.spec_digest:
            raise DigestMismatch(
                f"the spec of {self._slot.model}", pulled.manifest.spec_digest.hex(), spec.digest().hex()
            )
        return spec

    async def build(self, spec: ModelSpec, units: Mapping[int, Unit], serving_root: bytes) -> Predictor:
        """A predictor from all of a version's units."""
        predictor, worked_s = await opened(self._weights, spec, units, serving_root)
        metrics.APPLY_SECONDS.observe(worked_s)
        self._probe(spec, predictor)
        return predictor

    async def update(
        self, current: LoadedVersion, spec: ModelSpec, delta: SideDelta, target: Manifest
    ) -> Predictor:
        """The predictor of `target`, which `delta` leads to from `current`, built a little at a time."""
        if not delta and target.serving_root == current.manifest.serving_root:
            return current.predictor
        predictor, worked_s = await in_turns(current.predictor.updating(delta, target.serving_root))
        metrics.APPLY_SECONDS.observe(worked_s)
        await requests_turn()
        self._probe(spec, predictor)
        return predictor

    def _decoding(self, bodies: Sequence[bytes]) -> Steps[SideDelta]:
        delta = SideDelta()
        for body in bodies:
            if body:
                step = yield from self._weights.decoding(body)
                delta = delta.then(step) if delta else step
        return delta

    def _probe(self, spec: ModelSpec, predictor: Predictor) -> None:
        """Have a new version answer what the one in use could; raises what it raises instead."""
        current, row = self._slot.current, self._slot.answered_row
        if current is not None and row is not None and current.spec is spec:
            predictor.predict(row)
