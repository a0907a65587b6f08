"""Held-out examples are never learned, and are there again after a restart."""

from __future__ import annotations

import json

import pytest
from riverrun_trainer.judging.holdout_judge import HoldoutJudge
from riverrun_trainer.judging.judges import Judges
from riverrun_trainer.learning import Learning

from riverrun.core.errors import InvalidInput
from riverrun.core.evaluation_report import EvaluationReport, Scored
from riverrun.core.events import LoggedEvent
from riverrun.core.predictions import Prediction
from riverrun.core.spec import ModelSpec, parse_spec
from riverrun.learners.build import build_learner

REPORT = EvaluationReport(model="toy", line=1, time_ns=0, newest=Scored(examples=0))


TORCH = """\
name: toy
task: regression
learner: torch
model: {mlp: {hidden: [2], optimizer: {SGD: {lr: 0.001}}, batch: 8, seed: 1}}
features: {x: float}
holdout: {share: 20%, history: 10, recent: 5}
"""


def spec(holdout: str = "{share: 20%, history: 10, recent: 5}") -> ModelSpec:
    return parse_spec(
        f"{{name: toy, task: regression, model: [linear_model.LinearRegression], holdout: {holdout}}}"
    )


def event(offset: int) -> LoggedEvent:
    body = json.dumps({"features": {"x": float(offset)}, "label": float(offset)}).encode()
    return LoggedEvent(offset, f"e{offset}", time_ns=offset, received_ns=offset, body=body)


def learned(judge: HoldoutJudge, of: ModelSpec, start: int, end: int) -> Learning:
    learning = Learning(of, build_learner(of), offsets={0: start}, judges=Judges(holdout=judge))
    assert learning.take([event(offset) for offset in range(start, end)]) == []
    return learning


def held(judge: HoldoutJudge) -> list[str]:
    return [one.event_id for one in judge._holdout]


def test_a_share_of_examples_is_passed_and_never_learned() -> None:
    judge = HoldoutJudge(spec(), {})

    learning = learned(judge, spec(), 0, 500)

    report = judge.told(REPORT).holdout
    assert report is not None
    assert 70 <= report.held <= 130
    assert learning.progress.examples == 500 - report.held
    assert learning.offsets == {0: 500}
    assert (report.history, report.recent) == (10, 5)


def test_the_same_are_held_out_wherever_learning_begins() -> None:
    whole, part = HoldoutJudge(spec(), {}), HoldoutJudge(spec(), {})
    learned(whole, spec(), 0, 400)
    learned(part, spec(), 200, 400)

    assert held(part)[-5:] == held(whole)[-5:]


@pytest.mark.parametrize("cut", [3, 60, 333])
def test_it_goes_on_from_its_units_as_if_never_stopped(cut: int) -> None:
    whole, first = HoldoutJudge(spec(), {}), HoldoutJudge(spec(), {})
    learned(whole, spec(), 0, 400)
    learned(first, spec(), 0, cut)
    units = dict(first.changes().changed)

    second = HoldoutJudge(spec(), units)
    learned(second, spec(), cut, 400)

    assert held(second) == held(whole)
    units |= second.changes().changed
    assert held(HoldoutJudge(spec(), units)) == held(whole)


@pytest.mark.parametrize("cut", [4, 61, 334])
def test_a_restart_amid_a_mini_batch_holds_nothing_twice(cut: int) -> None:
    of = parse_spec(TORCH)
    whole, first = HoldoutJudge(of, {}), HoldoutJudge(of, {})
    learned(whole, of, 0, 400)
    stopped = learned(first, of, 0, cut)

    second = HoldoutJudge(of, dict(first.changes().changed))
    learned(second, of, stopped.offsets[0], 400)

    assert stopped.batch.waiting
    assert held(second) == held(whole)


def test_a_version_stores_the_examples_that_came_and_no_others() -> None:
    judge = HoldoutJudge(spec(), {})
    learned(judge, spec(), 0, 300)
    judge.changes()

    learned(judge, spec(), 300, 301)
    assert judge.changes().changed.keys() <= {0, *range(1, 11), *range(1 << 20, (1 << 20) + 5)}
    learned(judge, spec(), 301, 306)

    assert len(judge.changes().changed) <= 1 + 2 * 5
    assert not judge.changes()


def test_smaller_sizes_keep_the_newest_and_part_of_the_old() -> None:
    judge = HoldoutJudge(spec(), {})
    learned(judge, spec(), 0, 400)
    units = dict(judge.changes().changed)
    smaller = spec("{share: 20%, history: 4, recent: 2}")

    less = HoldoutJudge(smaller, units)

    assert held(less)[-2:] == held(judge)[-2:]
    assert set(held(less)[:4]) <= set(held(judge)[:10])
    units |= less.changes().changed
    assert held(HoldoutJudge(smaller, units)) == held(less)


def test_units_of_something_else_are_refused() -> None:
    with pytest.raises(InvalidInput, match="holdout"):
        HoldoutJudge(spec(), {0: b"\\x93\\x01\\x02\\x03"})


def test_two_versions_are_compared_on_the_old() -> None:
    judge = HoldoutJudge(spec("{share: 50%, history: 200, recent: 5}"), {})
    learned(judge, spec(), 0, 500)

    least, mean = judge.excess_loss(
        lambda features: Prediction(0.0), lambda features: Prediction(features["x"]), 0.01
    )

    assert 0.2 < least < mean
    assert judge.excess_loss(lambda _: Prediction(1.0), lambda _: Prediction(1.0), 0.01)[0] <= 0


def test_the_report_says_how_the_newest_weights_do_on_old_and_recent() -> None:
    judge = HoldoutJudge(spec(), {})
    learned(judge, spec(), 0, 400)
    judge.predict = lambda features: Prediction(features["x"])

    found = judge.told(REPORT).holdout

    assert found is not None
    assert (found.history_loss, found.recent_loss) == (0.0, 0.0)
