"""Windows on simulated streams: what passes, what is refused, and what turned labels look like."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from riverrun.core.predictions import Label, Prediction
from riverrun.evaluation.gate.concordance import Concordance, Detector
from riverrun.evaluation.gate.windows import Finding, Judged, Kind, Windows
from riverrun.evaluation.loss import class_loss

WINDOW = 200
SECOND = 10**9


def answer(share: float) -> Prediction:
    return Prediction(share > 0.5, {True: share, False: 1 - share})


def stream(
    seed: int,
    *,
    good: Callable[[float], float],
    newest: Callable[[float], float],
    flips: range = range(0),
    count: int = 3000,
    patience_s: int = 10**6,
) -> list[Finding]:
    """What is found on `count` examples, one a second, whose label is true with a chance of `chance(x)`."""
    rng = random.Random(seed)
    windows = Windows(window=WINDOW, margin=0.01, alpha=0.01, patience_ns=patience_s * SECOND)
    found = []
    for number in range(1, count + 1):
        x = rng.gauss(0, 1)
        label = (rng.random() < chance(x)) != (number in flips)
        answers = [answer(good(x)), answer(newest(x))]
        both = [Judged(one, class_loss(label, one)) for one in answers]
        finding = windows.update(label, both[0], both[1], number * SECOND)
        if finding is not None:
            found.append(finding)
    return found


def chance(x: float) -> float:
    return 1 / (1 + math.exp(-2 * x))


def turned(x: float) -> float:
    return 1 - chance(x)


def kinds(found: list[Finding]) -> list[Kind]:
    return [one.kind for one in found]


@pytest.mark.parametrize("seed", range(5))
def test_equal_models_pass_window_after_window(seed: int) -> None:
    found = stream(seed, good=chance, newest=chance)

    assert set(kinds(found)) == {Kind.PASSED}
    assert len(found) >= 13
    assert all(one.compared >= WINDOW for one in found)


@pytest.mark.parametrize("seed", range(5))
def test_a_model_that_learned_turned_labels_is_refused_within_few_examples(seed: int) -> None:
    found = stream(seed, good=chance, newest=turned, count=100)

    assert kinds(found)[0] is Kind.REFUSED
    assert found[0].examples <= 60
    assert found[0].excess_loss > 0.1


@pytest.mark.parametrize("seed", range(10))
def test_while_labels_are_turned_round_nothing_passes_whoever_learned_them(seed: int) -> None:
    flips = range(1000 + 17 * seed, 2000)

    found = stream(seed, good=chance, newest=turned, flips=flips, count=2000)

    # Before the flip the model that is to be turned is refused; it is the flip that it would profit from.
    during = [one for one in found if one.examples in flips]
    assert kinds(during) == [Kind.CONTRADICTED]
    assert during[0].examples - flips.start <= 250
    assert abs(during[0].since - flips.start) <= 40


@pytest.mark.parametrize("seed", range(10))
def test_labels_that_agree_again_end_it_and_comparing_goes_on(seed: int) -> None:
    found = stream(seed, good=chance, newest=turned, flips=range(500, 1200), count=1500)

    after = [one for one in found if one.examples >= 500]
    assert kinds(after)[:3] == [Kind.CONTRADICTED, Kind.CALMED, Kind.REFUSED]
    assert 1200 <= after[1].examples <= 1400


def test_labels_that_contradict_for_long_are_believed() -> None:
    found = stream(3, good=chance, newest=turned, flips=range(500, 10**9), count=3000, patience_s=1000)

    after = [one for one in found if one.examples >= 500]
    assert kinds(after)[:2] == [Kind.CONTRADICTED, Kind.BELIEVED]
    assert after[1].examples - after[0].examples == 1000


@pytest.mark.parametrize("seed", range(5))
def test_a_change_of_base_rate_contradicts_nothing(seed: int) -> None:
    rng = random.Random(seed)
    windows = Windows(window=WINDOW, margin=0.01, alpha=0.01, patience_ns=10**18)
    found = []
    for number in range(4000):
        x = rng.gauss(0, 1)
        shift = 0.0 if number < 1000 else 2.0
        label = rng.random() < chance(x + shift)
        one = Judged(answer(chance(x)), class_loss(label, answer(chance(x))))
        finding = windows.update(label, one, one, number * SECOND)
        found += [] if finding is None else [finding]

    assert Kind.CONTRADICTED not in kinds(found)


def test_false_alarms_of_a_model_without_skill_are_as_rare_as_stated() -> None:
    alarms = pairs = 0
    for seed in range(20):
        rng = random.Random(seed)
        concordance = Concordance()
        for number in range(5000):
            concordance.update(rng.random() < 0.5, answer(rng.random()), number)
            if concordance.contradiction.evidence >= 1 / 0.001:
                alarms += 1
                concordance = Concordance()
        pairs += 2500

    assert alarms <= pairs * 0.001


def test_numbers_agree_where_the_larger_answer_has_the_larger_label() -> None:
    rng = random.Random(1)
    concordance = Concordance()
    for number in range(400):
        x = rng.gauss(0, 1)
        concordance.update(-x + rng.gauss(0, 0.5), Prediction(x), number)

    assert concordance.agreeing < 0.3 * concordance.pairs
    assert concordance.contradiction.evidence > 1000
    assert concordance.agreement.evidence < 10


def test_classes_agree_where_each_example_is_given_its_own() -> None:
    rng = random.Random(1)
    concordance = Concordance()
    labels: list[Label] = ["a", "b", "c"]
    for number in range(400):
        label = rng.choice(labels)
        shares = {other: 0.6 if other == label else 0.2 for other in labels}
        concordance.update(label, Prediction(label, shares), number)

    assert concordance.agreeing == concordance.pairs
    assert concordance.pairs >= 150


def test_a_detector_knows_when_it_began_and_goes_on_from_its_state() -> None:
    detector = Detector()
    for now in range(100):
        detector.update(-0.5, now)
    for now in range(100, 130):
        detector.update(0.5, now)
    again = Detector.of(*detector.state)

    assert 99 <= detector.since <= 101
    assert detector.evidence > 100
    assert again.evidence == detector.evidence
    assert Detector.of([], []).evidence == 1.0
