"""Examples that are kept from learning, and how well the newest weights do on them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import msgspec
from msgspec import structs

from riverrun.core.errors import InvalidInput, NotReady
from riverrun.core.evaluation_report import EvaluationReport, HoldoutReport
from riverrun.core.joining import JoinedExample
from riverrun.core.predictions import Features, Prediction
from riverrun.core.spec import ModelSpec
from riverrun.core.units import SideDelta, Unit
from riverrun.evaluation.confidence_sequence import ConfidenceSequence
from riverrun.evaluation.holdout import HeldOut, HeldOutExamples, Holdout
from riverrun.evaluation.loss import Loss
from riverrun.runtime import metrics

RECENT_FIRST = 1 << 20
"""The number of the first unit of the recent: above all that the old may have."""

JUDGED_AT_ONCE = 64
"""Held examples that are judged anew for one report; they are taken in turn."""

COMPARED = 200
"""Of the old, those that two versions are compared on."""

Predict = Callable[[Features], Prediction]


class _Head(msgspec.Struct, array_like=True):
    history: int
    recent: int
    total: int
    passed: int


class HoldoutJudge:
    """One line's holdout: a part of its state, so that what is held out stays so, and is there after a
    restart.

    Unit 0 counts; each held example is a unit of its own, so that a version stores those that came.
    """

    def __init__(self, spec: ModelSpec, units: Mapping[int, Unit]) -> None:
        """Raises `InvalidInput` where `units` are not those of a holdout."""
        self._spec = spec.holdout
        self._model = spec.name
        self._loss = Loss(is_classifier=spec.is_classifier)
        self._holdout = Holdout(spec.holdout.share, history=spec.holdout.history, recent=spec.holdout.recent)
        self._total = 0
        self._changed: dict[int, Unit] = {}
        self._losses: dict[str, dict[int, float]] = {"history": {}, "recent": {}}
        self._next = 0
        self.predict: Predict | None = None
        if units:
            self._restore(units)

    def takes(self, joined: JoinedExample) -> bool:
        """Whether this example is held out: the same for all that is said of one prediction."""
        return self._holdout.takes(_id_of(joined))

    def hold(self, joined: JoinedExample) -> None:
        """Keep an example instead of learning it."""
        self._loss.see(joined.example.label)
        held = HeldOut(_id_of(joined), joined.time_ns, joined.example)
        place = self._holdout.add(held)
        if place is not None:
            self._changed[1 + place] = _encode(self._holdout.history[place])
            self._losses["history"].pop(place, None)
        slot = self._total % self._spec.recent
        self._changed[RECENT_FIRST + slot] = _encode(held)
        self._total += 1
        self._losses["recent"].pop(slot, None)
        metrics.HELD_OUT.labels(self._model).inc()

    def changes(self) -> SideDelta:
        """See `StatePart.changes`."""
        if not self._changed:
            return SideDelta()
        passed = self._holdout.state.passed
        head = _Head(self._spec.history, self._spec.recent, self._total, passed)
        changed, self._changed = self._changed | {0: msgspec.msgpack.encode(head)}, {}
        return SideDelta(changed)

    def told(self, report: EvaluationReport) -> EvaluationReport:
        """See `Reporter.told`."""
        if self.predict is not None:
            self._judge_some(self.predict)
        history, recent = self._losses["history"], self._losses["recent"]
        for part, losses in self._losses.items():
            if losses:
                metrics.HOLDOUT_LOSS.labels(self._model, part).set(sum(losses.values()) / len(losses))
        section = HoldoutReport(
            share=self._spec.share,
            held=self._total,
            history=len(self._holdout.history),
            recent=len(self._holdout.recent),
            history_loss=_mean(history.values()),
            recent_loss=_mean(recent.values()),
        )
        return structs.replace(report, holdout=section)

    def excess_loss(self, newest: Predict, good: Predict, alpha: float) -> tuple[float, float]:
        """How much worse `newest` does than `good` on the old, at least (but for a chance of `alpha`), and
        on average.
        """
        sequence = ConfidenceSequence(-1.0, 1.0, alpha=2 * alpha)
        for held in self._holdout.history[:COMPARED]:
            losses = [self._loss_of(held, predict) for predict in (newest, good)]
            if losses[0] is not None and losses[1] is not None:
                sequence.update(losses[0] - losses[1])
        return sequence.interval.low, sequence.mean if sequence.count else 0.0

    def _judge_some(self, predict: Predict) -> None:
        slots: list[tuple[str, int, HeldOut]] = [
            *(("history", i, held) for i, held in enumerate(self._holdout.history)),
            *(("recent", self._slot(i), held) for i, held in enumerate(self._holdout.recent)),
        ]
        for i in range(min(JUDGED_AT_ONCE, len(slots))):
            part, slot, held = slots[(self._next + i) % len(slots)]
            loss = self._loss_of(held, predict)
            if loss is not None:
                self._losses[part][slot] = loss
        self._next += JUDGED_AT_ONCE

    def _slot(self, place: int) -> int:
        """The slot of the recent that is at `place`, oldest first."""
        return (self._total - len(self._holdout.recent) + place) % self._spec.recent

    def _loss_of(self, held: HeldOut, predict: Predict) -> float | None:
        try:
            return self._loss.of(held.example.label, predict(held.example.features))
        except (InvalidInput, NotReady):
            return None

    def _restore(self, units: Mapping[int, Unit]) -> None:
        try:
            head = msgspec.msgpack.decode(units[0], type=_Head)
            history = [_decode(units[1 + i]) for i in range(head.history) if 1 + i in units]
            slots = [(head.total + i) % head.recent for i in range(head.recent)]
            numbers = [RECENT_FIRST + slot for slot in slots]
            recent = [_decode(units[number]) for number in numbers if number in units]
        except (msgspec.MsgspecError, KeyError, ZeroDivisionError) as error:
            raise InvalidInput("state", "expected the examples of a holdout") from error
        self._holdout.state = HeldOutExamples(history, recent, head.passed)
        self._total = head.total
        for held in (*history, *recent):
            self._loss.see(held.example.label)
        if (head.history, head.recent) != (self._spec.history, self._spec.recent):
            # Other sizes put the same examples elsewhere.
            self._changed = {1 + i: _encode(held) for i, held in enumerate(self._holdout.history)}
            for i, held in enumerate(self._holdout.recent):
                self._changed[RECENT_FIRST + self._slot(i)] = _encode(held)


def _id_of(joined: JoinedExample) -> str:
    if joined.served is not None:
        return joined.served.id
    event = joined.event
    return (
        joined.example.prediction_id
        or event.event_id
        or f"{joined.stream.value}:{event.partition}:{event.offset}"
    )


def _encode(held: HeldOut) -> Unit:
    return msgspec.msgpack.encode(held)


def _decode(unit: Unit) -> HeldOut:
    return msgspec.msgpack.decode(unit, type=HeldOut)


def _mean(losses: Collection[float]) -> float | None:
    return sum(losses) / len(losses) if losses else None
