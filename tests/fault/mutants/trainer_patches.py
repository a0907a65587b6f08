"""Mutants of the trainer: each function breaks one rule in this process alone; and its waits, scaled down.

Imported by `sitecustomize` in a child; never by product code, nor by the tests.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
from pathlib import Path
from typing import Any

OFFSETS = "RIVERRUN_FAULT_OFFSETS"
"""The file that `offset_in_another_file` keeps."""


def scaled_waits() -> None:
    """No mutant: a trainer that lost its session waits a fiftieth as long before it opens another."""
    from riverrun_trainer import line_trainer

    line_trainer.MIN_BACKOFF_S = 0.01
    line_trainer.MAX_BACKOFF_S = 0.1


def offset_before_weights() -> None:
    """A version says first where the trainer stands, the next one has what was learned up to there."""
    from riverrun_trainer import publisher

    from riverrun.codec.wire import encode_side
    from riverrun.core.units import SideDelta

    push = publisher.Publisher.push
    empty = encode_side(SideDelta())
    before: dict[int, Any] = {}

    async def in_two_steps(self: Any, captured: Any, source: Any) -> Any:
        last = before.get(id(self))
        if last is not None:
            roots = {"serving_root": last.serving_root, "trainer_root": last.trainer_root}
            position = dataclasses.replace(
                captured, serving=empty, trainer=empty, next_unit=last.next_unit, **roots
            )
            await push(self, position, source)
        before[id(self)] = captured
        return await push(self, captured, source)

    publisher.Publisher.push = in_two_steps


def offset_in_another_file() -> None:
    """Where the trainer stands is kept in a file of its own, written once a version is acknowledged."""
    from riverrun_trainer import publisher, session_loop
    from riverrun_trainer.line_context import SOURCE

    file = Path(os.environ[OFFSETS])
    push = publisher.Publisher.push
    restored = session_loop.restored_learning

    async def then_the_offset(self: Any, captured: Any, source: Any) -> Any:
        pushed = await push(self, captured, source)
        await asyncio.to_thread(file.write_text, json.dumps(captured.offsets))
        return pushed

    async def from_the_file(spec: Any, opened: Any, head: Any, around: Any) -> Any:
        offsets = json.loads(await asyncio.to_thread(_text_of, file) or "{}")
        positions = {SOURCE: {int(partition): offset for partition, offset in offsets.items()}}
        return await restored(spec, dataclasses.replace(opened, positions=positions), head, around)

    publisher.Publisher.push = then_the_offset
    session_loop.restored_learning = from_the_file


def no_finite_check() -> None:
    """Whatever the model answers, it is published."""
    from riverrun_trainer import learning
    from riverrun_trainer.judging import static_gate

    learning.Learning.check_finite = lambda self: None  # type: ignore[method-assign]
    # The bound on norms would find it as well.
    static_gate.StaticGate.refusal = lambda self, delta, predict: ""  # type: ignore[method-assign]


def momentum_forgotten() -> None:
    """A restored learner starts with an optimizer that has seen nothing."""
    from riverrun_trainer import restoring

    restore = restoring.restore_learner

    def without_momentum(spec: Any, state: Any, **rest: Any) -> Any:
        learner = restore(spec, state, **rest)
        optimizer = learner.model["LogisticRegression"].optimizer
        optimizer.m, optimizer.v, optimizer.n_iterations = None, None, 0
        return learner

    restoring.restore_learner = without_momentum


def decisions_forgotten() -> None:
    """A trainer that reads what still matters again takes it all for new."""
    from riverrun_trainer.joining import ledger

    ledger.Ledger.is_decided = lambda self, place: False  # type: ignore[method-assign]


def joins_begin_at_the_position() -> None:
    """A trainer reads on from where the one before it stood, whatever still waited."""
    from riverrun_trainer.joining import ledger

    ledger.Ledger.starts = ledger.Ledger.positions  # type: ignore[method-assign]


def no_share_of_a_source() -> None:
    """Whoever sends the most has the largest part of the model."""
    from riverrun_trainer.judging import source_cap

    source_cap.SourceCap.refusal = lambda self, example: ""  # type: ignore[method-assign]


def shares_forgotten() -> None:
    """A trainer that starts gives every source its whole share anew."""
    from riverrun_trainer.judging import source_cap

    source_cap.SourceCap._restore = lambda self, units: None  # type: ignore[method-assign]


def _text_of(file: Path) -> str:
    return file.read_text() if file.exists() else ""
