"""The one module of the SDK that knows learners and their bytes (ADR 8); imported when first needed."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from typing import Any

from riverrun.codec.wire import decode_side, encode_side
from riverrun.core.events import OffsetRange
from riverrun.core.spec import parse_spec
from riverrun.core.units import State
from riverrun.core.versions import Manifest, ModelInfo
from riverrun.learners.build import adopt_model, live_model
from riverrun.learners.factories import SETTING, Factories
from riverrun.rpc.weights import Pulled, Push

MAX_BYTES = 1 << 30
"""Of one side of a model."""


def loaded(pulled: Pulled, factories: Sequence[str]) -> Any:
    """The object that a pull with the trainer's state holds, proven by its roots. Blocks."""
    manifest = pulled.manifest
    serving = decode_side(pulled.serving, max_bytes=MAX_BYTES)
    trainer = decode_side(pulled.trainer, max_bytes=MAX_BYTES)
    return live_model(
        parse_spec(pulled.spec_yaml),
        State(serving.changed, trainer.changed, manifest.next_unit),
        (manifest.serving_root, manifest.trainer_root),
        factories=_allowed(factories),
    )


def push_of(info: ModelInfo, given: object, learned: Manifest | None, factories: Sequence[str]) -> Push:
    """`given` as the first version of a line of its own, which reads on from where `learned` stands. Blocks.

    Raises `InvalidInput` where it is not as the spec of `info` declares, or cannot be stored.
    """
    learner = adopt_model(parse_spec(info.spec_yaml), given, factories=_allowed(factories))
    delta = learner.changes()
    serving_root, trainer_root = learner.roots()
    positions = {} if learned is None else learned.positions
    return Push(
        model=info.name,
        line=0,
        epoch=0,
        base_version=0,
        push_id=f"import-{uuid.uuid4().hex}",
        serving=encode_side(delta.serving),
        trainer=encode_side(delta.trainer),
        snapshot=True,
        serving_root=serving_root,
        trainer_root=trainer_root,
        next_unit=delta.next_unit,
        positions=positions,
        skipped=tuple(
            OffsetRange(stream, partition, 0, offset)
            for stream, offsets in positions.items()
            for partition, offset in sorted(offsets.items())
            if offset
        ),
        spec_revision=info.spec_revision,
    )


def _allowed(factories: Sequence[str]) -> Factories:
    return Factories.parse([*factories, *os.environ.get(SETTING, "").split(",")])
