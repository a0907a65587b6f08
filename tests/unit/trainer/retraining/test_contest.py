"""When a retrain is better than live, when it is worse, and what counts; by answers given by hand."""

from __future__ import annotations

import pytest
from riverrun_trainer.retraining.contest import Contest, Outcome

from riverrun.core.events import Example, LoggedEvent, Stream
from riverrun.core.joining import JoinedExample, Origin
from riverrun.core.predictions import Prediction
from riverrun.core.spec import parse_spec

MODEL = "{name: toy, task: %s, model: [linear_model.%s], retrain: {take_over: %s}}"


class Live:
    """A champion that answers as it is told."""

    def __init__(self, answer: Prediction, *, is_ready: bool = True) -> None:
        self.given = answer
        self.is_ready = is_ready

    def answer(self, features: object) -> Prediction:
        return self.given


def sure(share: float) -> Prediction:
    return Prediction(share > 0.5, {True: share, False: 1 - share})


def joined(label: object = True, origin: Origin = Origin.LABEL) -> JoinedExample:
    event = LoggedEvent(0, "e", 1, 1, b"")
    return JoinedExample(Example({"x": 1.0}, label), event, Stream.EXAMPLES, 1, origin)  # type: ignore[arg-type]


def contest(live: Live, take_over: str = "{examples: 200}", task: str = "binary") -> Contest:
    kind = "LogisticRegression" if task == "binary" else "LinearRegression"
    found = Contest(parse_spec(MODEL % (task, kind, take_over)), live)  # type: ignore[arg-type]
    found.is_open = True
    return found


def test_it_is_better_once_that_is_sure_and_there_were_enough_examples() -> None:
    found = contest(Live(sure(0.5)))

    for _ in range(199):
        found.score(joined(), sure(0.9))
    assert found.outcome is Outcome.OPEN
    found.score(joined(), sure(0.9))

    assert found.outcome is Outcome.BETTER
    assert "-0.2400 against live's on 200 examples, surely below -" in found.describe()


def test_it_is_worse_as_soon_as_that_is_sure() -> None:
    found = contest(Live(sure(0.9)))

    while found.outcome is Outcome.OPEN:
        found.score(joined(), sure(0.1))

    assert found.outcome is Outcome.WORSE
    assert found.comparison.count < 100
    assert "surely above +" in found.describe()


def test_an_equal_one_stays_open_unless_not_worse_is_enough() -> None:
    strict = contest(Live(sure(0.7)))
    lenient = contest(Live(sure(0.7)), "{examples: 200, when: not_worse}")

    for _ in range(500):
        strict.score(joined(), sure(0.7))
        lenient.score(joined(), sure(0.7))

    assert (strict.outcome, lenient.outcome) == (Outcome.OPEN, Outcome.BETTER)


def test_one_that_was_better_and_is_so_no_more_does_not_take_over() -> None:
    found = contest(Live(sure(0.5)), "{examples: 400}")

    for _ in range(150):
        found.score(joined(), sure(1.0))
    assert found.comparison.interval.high < 0
    for _ in range(250):
        found.score(joined(), sure(0.35))

    assert found.comparison.excess_loss > 0
    assert found.outcome is Outcome.OPEN


@pytest.mark.parametrize("origin", [Origin.EARLY_NEGATIVE, Origin.CORRECTION])
def test_labels_that_are_not_known_for_good_count_nowhere(origin: Origin) -> None:
    found = contest(Live(sure(0.5)))

    found.score(joined(origin=origin), sure(0.9))

    assert found.comparison.count == 0


def test_nothing_counts_before_it_has_caught_up_or_live_is_there() -> None:
    early, alone = contest(Live(sure(0.5))), contest(Live(sure(0.5), is_ready=False))
    early.is_open = False

    early.score(joined(), sure(0.9))
    alone.score(joined(), sure(0.9))

    assert early.comparison.count == alone.comparison.count == 0


def test_no_answer_is_the_worst_answer_and_none_of_both_counts_nowhere() -> None:
    found = contest(Live(Prediction(None)))

    found.score(joined(), None)
    assert found.comparison.count == 0
    found.score(joined(), sure(1.0))

    assert found.comparison.excess_loss == pytest.approx(-1.0)


def test_numbers_are_measured_by_how_far_labels_lie_apart() -> None:
    found = contest(Live(Prediction(6.0)), task="regression")

    for label in (0.0, 4.0):
        found.score(joined(label), Prediction(label))

    # 6 is off by 6 where nothing is known yet, then by 2 where labels lie 1 from their mean on average.
    assert found.comparison.excess_loss == pytest.approx(-(6 / 7 + 2 / 3) / 2)
