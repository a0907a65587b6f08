"""A learner as a session finds it: fresh, or as the line's head says."""

from __future__ import annotations

import asyncio

from riverrun.codec.wire import decode_side
from riverrun.core.errors import DigestMismatch, WrongStore
from riverrun.core.parts import without_parts
from riverrun.core.spec import ModelSpec
from riverrun.core.units import State
from riverrun.core.versions import Manifest
from riverrun.learners.build import build_learner, restore_learner
from riverrun.learners.protocol import Learner
from riverrun.rpc.trainer_session import Opened
from riverrun.rpc.weights import Pulled
from riverrun_trainer.learning import Learning
from riverrun_trainer.line_context import SOURCE, Surroundings
from riverrun_trainer.state_parts import StateParts


async def fresh_learning(spec: ModelSpec, opened: Opened, around: Surroundings) -> Learning:
    """A learning that has learned nothing. Raises `InvalidSpec` where the model cannot be built."""
    # Imports of model libraries take seconds; in a thread the session goes on being reported.
    learner = await asyncio.to_thread(build_learner, spec, factories=around.factories)
    return Learning(spec, learner, offsets=opened.positions.get(SOURCE, {}))


async def restored_learning(
    spec: ModelSpec, opened: Opened, head: Manifest, around: Surroundings
) -> Learning:
    """The learning that goes on from `head`, at the session's positions.

    Raises `WrongStore` and `DigestMismatch` where what was pulled is not that version, `InvalidSpec` and
    `InvalidInput` where it cannot be restored.
    """
    pulled = await around.client.pull(
        head.model, version=head.version, trainer_state=True, max_bytes=around.max_model_bytes
    )
    if pulled.store_id != opened.store_id:
        raise WrongStore(pulled.store_id, opened.store_id)

    def restore() -> tuple[Learner, StateParts]:
        state, parts = without_parts(_state(pulled, around.max_model_bytes))
        learner = restore_learner(spec, state, factories=around.factories)
        together = StateParts(learner, restored=parts)
        _check_roots(together.roots(), head)
        return learner, together

    learner, parts = await asyncio.to_thread(restore)
    return Learning(
        spec,
        learner,
        parts=parts,
        offsets=opened.positions.get(SOURCE, {}),
        examples=head.examples,
        watermark_ns=head.watermark_ns,
    )


def _state(pulled: Pulled, max_bytes: int) -> State:
    serving = decode_side(pulled.serving, max_bytes=max_bytes)
    trainer = decode_side(pulled.trainer, max_bytes=max_bytes)
    return State(serving.changed, trainer.changed, pulled.manifest.next_unit)


def _check_roots(roots: tuple[bytes, bytes], head: Manifest) -> None:
    for side, expected, found in zip(
        ("serving", "trainer"), (head.serving_root, head.trainer_root), roots, strict=True
    ):
        if expected != found:
            what = f"{side} side of {head.model} version {head.version}"
            raise DigestMismatch(what, expected.hex(), found.hex())
