"""Ways to live with a change: a model that is frozen, learns on, is retrained on drift, or each day.

All in one process, without a parameter server: learners, detectors, triggers and the comparison are those of
the product; a retrain starts at once, and one at a time.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from riverrun_trainer.judging.drift_judge import DriftJudge
from riverrun_trainer.judging.trigger_judge import TriggerJudge

from riverrun.cli.replay.datasets import DATASETS
from riverrun.core.events import Example, LoggedEvent, Stream
from riverrun.core.joining import JoinedExample
from riverrun.core.predictions import Features, Prediction
from riverrun.core.spec import ModelSpec
from riverrun.core.units import NO_UNITS
from riverrun.evaluation.gate.comparison import Comparison, Verdict
from riverrun.evaluation.loss import class_loss
from riverrun.learners.build import build_learner
from riverrun.learners.protocol import Learner

BEFORE, AFTER = 4_000, 6_000
"""Examples before the change and after it."""

DAY = 1_000
DAYS_LEARNED = 2
"""Examples that make a day, and days that each day's batch learns from scratch."""

LOOK_EVERY = 10
"""Examples between two looks at the triggers."""

GIVE_UP = 3_000
"""Examples after which a retrain that did not take over is given up."""

Row = tuple[Features, bool]


def real_rows() -> list[Row]:
    """Websites, and whether they were phishing: 1,250 of them, with nine features each."""
    return [
        (
            {name: float(value) for name, value in row.items() if name != "is_phishing"},
            row["is_phishing"] == "1",
        )
        for row in DATASETS["phishing"].rows()
    ]


def stream(rows: list[Row], seed: int, before: int = BEFORE, after: int = AFTER) -> Iterator[Row]:
    """Rows drawn at random, so that nothing changes; after `before` of them every label is turned."""
    rng = random.Random(seed)
    for n in range(before + after):
        features, label = rng.choice(rows)
        yield features, label != (n >= before)


def joined(n: int, row: Row) -> JoinedExample:
    """An example as a trainer meets it; its number stands for its time."""
    return JoinedExample(Example(*row), LoggedEvent(n, "", n + 1, n + 1, b""), Stream.EXAMPLES, n + 1)


class Online:
    """Learns each example once it was judged."""

    def __init__(self, spec: ModelSpec) -> None:
        self.learner: Learner = build_learner(spec)

    def take(self, n: int, row: Row) -> Prediction:
        """The answer for `row`, given before it is learned."""
        answer = self.learner.predict(row[0])
        self.learner.learn([row[0]], [row[1]], [1.0])
        return answer


class Frozen(Online):
    """Learns until the day before the change, and no more."""

    def take(self, n: int, row: Row) -> Prediction:
        """See `Online.take`."""
        return super().take(n, row) if n < BEFORE - DAY else self.learner.predict(row[0])


class DailyBatch(Online):
    """Answers all day with what was learned from scratch, over the last days, at its start."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(spec)
        self._spec = spec
        self._history: deque[Row] = deque(maxlen=DAYS_LEARNED * DAY)

    def take(self, n: int, row: Row) -> Prediction:
        """See `Online.take`."""
        if n and n % DAY == 0:
            self.learner = build_learner(self._spec)
            for features, label in self._history:
                self.learner.learn([features], [label], [1.0])
        self._history.append(row)
        return self.learner.predict(row[0])


@dataclass
class Retrain:
    """One retrain, its line from when it was asked for."""

    online: Online
    comparison: Comparison
    asked: int


@dataclass
class Told:
    """What came of one stream: when drift was found, retrains were asked for, and one took over."""

    found: list[int] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    took_over: list[int] = field(default_factory=list)


class Retrained(Online):
    """Learns on; a trigger on drift starts a fresh model beside it, which learns what comes from then on and
    takes over once it is surely better on the same examples."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(spec)
        self._spec = spec
        self._judge = DriftJudge(spec, NO_UNITS)
        self._triggers = TriggerJudge(spec.retrain.when, self._judge.found)
        self._retrain: Retrain | None = None
        self.told = Told()

    def take(self, n: int, row: Row) -> Prediction:
        """See `Online.take`."""
        retrain = self._retrain
        answer = super().take(n, row)
        self._look_for_drift(n, row, answer)
        if retrain is not None:
            self._compare(n, row[1], answer, retrain.online.take(n, row), retrain)
        elif n % LOOK_EVERY == 0 and self._triggers.due(n + 1, {}) is not None:
            self._ask(n)
        return answer

    def _look_for_drift(self, n: int, row: Row, answer: Prediction) -> None:
        example, known = joined(n, row), self._judge.found()
        self._judge.score(example, answer)
        self._triggers.score(example, answer)
        if self._judge.found() != known:
            self.told.found.append(n)

    def _ask(self, n: int) -> None:
        rule = self._spec.retrain.take_over
        comparison = Comparison(rule.examples, margin=rule.margin, alpha=rule.alpha)
        self._retrain = Retrain(Online(self._spec), comparison, n)
        self._triggers.count_from(n + 1, n + 1)
        self.told.asked.append(n)

    def _compare(self, n: int, label: bool, answer: Prediction, newer: Prediction, retrain: Retrain) -> None:
        comparison = retrain.comparison
        comparison.update(class_loss(label, answer), class_loss(label, newer))
        if comparison.count >= self._spec.retrain.take_over.examples and comparison.interval.high < 0:
            # A line of its own has detectors of its own.
            self.learner, self._judge = retrain.online.learner, DriftJudge(self._spec, NO_UNITS)
            self._triggers = TriggerJudge(self._spec.retrain.when, self._judge.found)
            self._retrain = None
            self.told.took_over.append(n)
        elif comparison.verdict is Verdict.REFUSED or n - retrain.asked > GIVE_UP:
            self._retrain = None


WAYS: dict[str, type[Online]] = {
    "frozen": Frozen,
    "batch each day": DailyBatch,
    "online": Online,
    "online, retrained on drift": Retrained,
}
