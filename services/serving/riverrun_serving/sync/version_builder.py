"""From encoded weights to a predictor that has answered once, while the version in use goes on answering."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from riverrun.core.errors import DigestMismatch
from riverrun.core.spec import ModelSpec, parse_spec
from riverrun.core.units import SideDelta, Unit
from riverrun.core.versions import Manifest
from riverrun.learners.protocol import Predictor
from riverrun.rpc.weights import Pulled
from riverrun.runtime import metrics
from riverrun.runtime.clock import Clock
from riverrun_serving.core.model_slot import LoadedVersion, ModelSlot
from riverrun_serving.sync.turns import Turns, requests_turn
from riverrun_serving.sync.weights import Weights

SLOW_STEP_S = 0.005
"""After an update with a step that took longer the next is made in a thread: answers come in between."""

LARGE_BYTES = 64 << 10
"""What is larger, packed, is unpacked in a thread."""


class VersionBuilder:
    """Builds what `slot` is to answer with next. Nothing that it raises harms what answers now."""

    def __init__(self, slot: ModelSlot, weights: Weights, clock: Clock) -> None:
        self._slot = slot
        self._weights = weights
        self._clock = clock
        self._longest_step_s = 0.0

    async def delta_of(self, bodies: Sequence[bytes]) -> SideDelta:
        """What `bodies`, one on top of the other, change; an empty body changes nothing."""
        if sum(map(len, bodies)) > LARGE_BYTES:
            return await asyncio.to_thread(self._decoded, bodies)
        return self._decoded(bodies)

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
        begun_s = self._clock.monotonic()
        predictor = await asyncio.to_thread(self._weights.build, spec, units, serving_root)
        metrics.APPLY_SECONDS.observe(self._clock.monotonic() - begun_s)
        self._probe(spec, predictor)
        return predictor

    async def update(
        self, current: LoadedVersion, spec: ModelSpec, delta: SideDelta, target: Manifest
    ) -> Predictor:
        """The predictor of `target`, which `delta` leads to from `current`, built a little at a time."""
        if not delta and target.serving_root == current.manifest.serving_root:
            return current.predictor
        turns = Turns(current.predictor.updating(delta, target.serving_root))
        in_thread = self._longest_step_s > SLOW_STEP_S
        predictor = await (turns.in_thread() if in_thread else turns.on_loop())
        self._longest_step_s = turns.longest_s
        metrics.APPLY_SECONDS.observe(turns.worked_s)
        await requests_turn()
        self._probe(spec, predictor)
        return predictor

    def _decoded(self, bodies: Sequence[bytes]) -> SideDelta:
        delta = SideDelta()
        for body in bodies:
            if body:
                step = self._weights.decode(body)
                delta = delta.then(step) if delta else step
        return delta

    def _probe(self, spec: ModelSpec, predictor: Predictor) -> None:
        """Have a new version answer what the one in use could; raises what it raises instead."""
        current, row = self._slot.current, self._slot.answered_row
        if current is not None and row is not None and current.spec is spec:
            predictor.predict(row)
