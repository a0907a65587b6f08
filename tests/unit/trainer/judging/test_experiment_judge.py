"""Labels counted for the arm that served them, kept as units, and going on where a judge before stopped."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from riverrun_trainer.judging.experiment_judge import KEPT, ExperimentJudge
from riverrun_trainer.judging.tally_units import CHUNK_KEYS

from riverrun.core.errors import InvalidInput
from riverrun.core.evaluation_report import EvaluationReport, Scored
from riverrun.core.events import Example, LoggedEvent, Stream
from riverrun.core.experiment_results import ExperimentResults
from riverrun.core.experiments import Arm, Experiment, Guardrail, Judged
from riverrun.core.joining import JoinedExample, Origin, PredictionRecord
from riverrun.core.predictions import Label, Prediction
from riverrun.core.units import Unit

ARMS = (Arm("a", 0.5, "live"), Arm("b", 0.5, "other"))
PLAN = Experiment("first", ARMS, started_ns=1)
RIGHT, WRONG = Prediction(True, {True: 1.0, False: 0.0}), Prediction(False, {True: 0.0, False: 1.0})


def joined(
    arm: str,
    place: int | None,
    answer: Prediction = RIGHT,
    *,
    label: Label = True,
    origin: Origin = Origin.LABEL,
) -> JoinedExample:
    served = PredictionRecord("p", 1, {}, 7, "live", answer, arm, place)
    event = LoggedEvent(0, "p", 1, 1, b"")
    return JoinedExample(Example({}, label), event, Stream.LABELS, 1, origin, served)


def results(judge: ExperimentJudge) -> tuple[ExperimentResults, ...]:
    return judge.told(EvaluationReport(model="m", line=1, time_ns=0, newest=Scored(examples=0))).experiments


def a_judge(*experiments: Experiment, units: dict[int, Unit] | None = None) -> ExperimentJudge:
    return ExperimentJudge("m", {"m": experiments}, units or {})


def test_an_answer_counts_for_its_arm_by_what_was_served() -> None:
    judge = a_judge(PLAN)

    judge.score(joined("first/a", 1, RIGHT), newest=WRONG)
    judge.score(joined("first/b", 2, WRONG), newest=RIGHT)

    [found] = results(judge)
    assert [(arm.arm, arm.answers, arm.loss) for arm in found.arms] == [("a", 1, 0.0), ("b", 1, 1.0)]


@pytest.mark.parametrize("origin", [Origin.EARLY_NEGATIVE, Origin.CORRECTION])
def test_what_is_not_judged_counts_nowhere(origin: Origin) -> None:
    judge = a_judge(PLAN)

    judge.score(joined("first/a", 1, origin=origin), newest=None)
    judge.score(joined("", None), newest=None)

    assert [arm.answers for arm in results(judge)[0].arms] == [0, 0]


def test_a_number_is_judged_by_the_scale_of_the_experiment() -> None:
    judge = a_judge(replace(PLAN, scale=10.0))

    judge.score(joined("first/a", 1, Prediction(30.0), label=40.0), newest=None)

    assert results(judge)[0].arms[0].loss == 0.5


def test_a_label_that_comes_before_its_experiment_is_known_counts_once_it_is() -> None:
    known: dict[str, tuple[Experiment, ...]] = {"m": ()}
    judge = ExperimentJudge("m", known, {})

    judge.score(joined("first/a", 1), newest=None)
    before = results(judge)
    known["m"] = (PLAN,)

    assert before == ()
    assert [arm.answers for arm in results(judge)[0].arms] == [1, 0]


def test_the_newest_experiments_are_counted_for_and_older_ones_let_go() -> None:
    known: dict[str, tuple[Experiment, ...]] = {"m": (PLAN,)}
    judge = ExperimentJudge("m", known, {})
    judge.score(joined("first/a", 1), newest=None)
    judge.changes()

    known["m"] = (PLAN, *(replace(PLAN, name=f"e{n}", started_ns=2 + n) for n in range(KEPT)))
    delta = judge.changes() if results(judge) else None

    assert [one.name for one in results(judge)] == [f"e{n}" for n in range(KEPT)]
    assert delta is not None
    assert delta.dropped


def test_a_judge_goes_on_from_the_units_of_the_one_before() -> None:
    source = random.Random(7)
    whole, judge = a_judge(PLAN), a_judge(PLAN)
    units: dict[int, Unit] = {}
    for number in range(4 * CHUNK_KEYS):
        # Some keys come again, also after the judge was replaced.
        place = source.randrange(3 * CHUNK_KEYS) << 32
        one = joined("first/" + source.choice("ab"), place, source.choice((RIGHT, WRONG)))
        for each in (whole, judge):
            each.score(one, newest=None)
        if number % 37 == 0:
            judge.changes().apply_in_place(units)
            judge = a_judge(PLAN, units=units)

    judge.changes().apply_in_place(units)
    assert results(judge) == results(whole)
    assert results(a_judge(PLAN, units=units)) == results(whole)


def test_a_version_adds_little_however_many_keys_were_seen() -> None:
    judge = a_judge(PLAN)
    for place in range(10 * CHUNK_KEYS + 5):
        judge.score(joined("first/a", place), newest=None)
    judge.changes()

    judge.score(joined("first/a", 1 << 40), newest=None)
    delta = judge.changes()

    assert len(delta.changed) <= 3
    assert sum(map(len, delta.changed.values())) < 4_000
    assert not judge.changes()


def test_without_an_experiment_there_is_nothing_to_keep() -> None:
    judge = a_judge()

    judge.score(joined("", None), newest=None)

    assert not judge.changes()
    assert results(judge) == ()


def test_units_of_something_else_are_refused() -> None:
    with pytest.raises(InvalidInput, match="state: expected results of experiments"):
        a_judge(PLAN, units={0: b"nonsense"})


def test_a_broken_guardrail_is_named_until_the_arm_is_stopped() -> None:
    plan = replace(PLAN, guardrails=(Guardrail(Judged.LOSS, 0.5),))
    known: dict[str, tuple[Experiment, ...]] = {"m": (plan,)}
    judge = ExperimentJudge("m", known, {})
    for place in range(400):
        judge.score(joined("first/b", place, WRONG), newest=None)

    [broken] = judge.breaches()
    known["m"] = (replace(plan, arms=(ARMS[0], replace(ARMS[1], stopped_ns=2))),)

    assert (broken.experiment, broken.breach.arm) == ("first", "b")
    assert judge.breaches() == []
