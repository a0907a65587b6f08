"""A learner as a session finds it: fresh, or as the line's head says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from riverrun.codec.wire import decode_side
from riverrun.core.errors import DigestMismatch, InvalidInput, InvalidSpec, WrongStore
from riverrun.core.parts import Part, StatePart, without_parts
from riverrun.core.spec import ModelSpec
from riverrun.core.units import NO_UNITS, State, Unit
from riverrun.core.versions import Manifest
from riverrun.learners.build import build_learner, restore_learner
from riverrun.learners.protocol import Learner
from riverrun.rpc.trainer_session import Opened
from riverrun.rpc.weights import Pulled
from riverrun_trainer.joining.line_join import open_join
from riverrun_trainer.judging.judges import judges_of
from riverrun_trainer.learning import Learning
from riverrun_trainer.line_context import SOURCE, Surroundings
from riverrun_trainer.state_parts import StateParts


async def fresh_learning(spec: ModelSpec, opened: Opened, around: Surroundings) -> Learning:
    """A learning that has learned nothing. Raises `InvalidSpec` where the model cannot be built."""
    # Imports of model libraries take seconds; in a thread the session goes on being reported.
    learner = await asyncio.to_thread(build_learner, spec, factories=around.factories)
    return _learning(spec, learner, NO_UNITS, opened, around)


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

    def restore() -> tuple[Learner, Mapping[int, Unit]]:
        state, parts = without_parts(_state(pulled, around.max_model_bytes))
        learner = restore_learner(spec, state, factories=around.factories)
        _check_roots(StateParts(learner, restored=parts).roots(), head)
        return learner, parts

    learner, parts = await asyncio.to_thread(restore)
    return _learning(spec, learner, parts, opened, around, head)


def _learning(
    spec: ModelSpec,
    learner: Learner,
    units: Mapping[int, Unit],
    opened: Opened,
    around: Surroundings,
    head: Manifest | None = None,
) -> Learning:
    """The learning of `learner` and of the parts that have `units`, as `head` left them."""
    joining = open_join(spec, units, opened.positions, opened.skipped, around.max_open)
    if joining is not None and spec.label.silence == "early_negative":
        _check_weights(learner, spec)
    serving = learner.state().serving if head is not None else NO_UNITS
    judges = judges_of(spec, units, around, serving)
    if around.course is not None:
        judges = around.course.begin(spec, units, judges)
    owners: dict[Part, StatePart] = {} if joining is None else {Part.JOIN: joining.ledger}
    owners |= judges.parts
    return Learning(
        spec,
        learner,
        parts=StateParts(learner, owners, units),
        judges=judges,
        joining=joining,
        offsets=opened.positions.get(SOURCE, {}),
        examples=head.examples if head else 0,
        watermark_ns=head.watermark_ns if head else 0,
        since_ns=opened.since_ns,
    )


def _check_weights(learner: Learner, spec: ModelSpec) -> None:
    """Raise `InvalidSpec` where early negatives cannot be weighted."""
    assert spec.negative is not None
    try:
        learner.check({}, spec.negative, 0.5)
    except InvalidInput as error:
        if error.field == "weight":
            raise InvalidSpec(
                "label.silence", f"early_negative learns by weights: {error.expected}"
            ) from error


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
