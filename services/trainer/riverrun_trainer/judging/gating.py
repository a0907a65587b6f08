"""What a session does for its line's gate: weights of good versions, and verdicts on their way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from riverrun.codec.wire import decode_side
from riverrun.core.errors import NotFound
from riverrun.core.spec import ModelSpec
from riverrun.core.units import Unit
from riverrun.evaluation.gate.windows import Finding
from riverrun.learners.build import build_predictor
from riverrun.learners.protocol import Predictor
from riverrun.rpc.trainer_session import TrainerSession
from riverrun_trainer.judging.version_gate import VersionGate
from riverrun_trainer.learning import Learning
from riverrun_trainer.line_context import Surroundings

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Captured:
    """A version on its way that is good once it is there: why, and its serving side where that is needed."""

    gate: VersionGate
    spec: ModelSpec
    found: Finding
    side: tuple[Mapping[int, Unit], bytes] | None


class Gating:
    """Of one session. All raise what ends the session."""

    def __init__(self, session: TrainerSession, model: str, around: Surroundings) -> None:
        self._session = session
        self._model = model
        self._around = around
        self._on_its_way: _Captured | None = None

    async def start(self, gate: VersionGate, learning: Learning, head: int) -> None:
        """Have `gate` compare with the newest good version; with `head`, the newest, where there is none."""
        good = self._session.opened.good_version
        if not gate.compares:
            gate.start(good or head, None)
            return
        side = learning.serving_side()
        if good and good != head:
            try:
                pulled = await self._around.client.pull(self._model, version=good)
                units = decode_side(pulled.serving, max_bytes=self._around.max_model_bytes).changed
                side = (units, pulled.manifest.serving_root)
            except NotFound as error:
                log.info("the good version is gone", model=self._model, version=good, reason=str(error))
                good = head
        gate.start(good or head, await self._predictor(learning.spec, side))

    async def tell(self, gate: VersionGate, head: int) -> None:
        """Send what `gate` came to, if anything."""
        for verdict in gate.take_verdicts(head):
            await self._session.judge(verdict)

    def captured(self, learning: Learning) -> None:
        """A version was captured, and goes on its way."""
        gate = learning.judges.gate
        found = None if gate is None else gate.take_passing()
        if gate is not None and found is not None:
            side = learning.serving_side() if gate.compares else None
            self._on_its_way = _Captured(gate, learning.spec, found, side)

    @property
    def is_waiting(self) -> bool:
        """Whether `pushed` has something to do."""
        return self._on_its_way is not None

    async def pushed(self, version: int) -> None:
        """The version that was captured last is there."""
        captured, self._on_its_way = self._on_its_way, None
        if captured is None:
            return
        predictor = None if captured.side is None else await self._predictor(captured.spec, captured.side)
        verdict = captured.gate.passed(captured.found, version, predictor)
        if verdict is not None:
            await self._session.judge(verdict)

    async def _predictor(self, spec: ModelSpec, side: tuple[Mapping[int, Unit], bytes]) -> Predictor:
        units, root = side
        return await asyncio.to_thread(build_predictor, spec, units, root, factories=self._around.factories)
