"""An effect is found where there is one, and not where there is none, however often people look."""

from __future__ import annotations

import random

import pytest

from riverrun.evaluation.experiments import Effect


def run(effect: Effect, *, seed: int, lift: float, share: float = 0.5, answers: int = 20_000) -> int:
    """Answers until the arms are told apart; `answers` where they never are."""
    source = random.Random(seed)
    for number in range(1, answers + 1):
        arm = "b" if source.random() < share else "a"
        effect.update(arm, float(source.random() < 0.2 + (lift if arm == "b" else 0.0)))
        if effect.standing.decided:
            return number
    return answers


def test_equal_arms_are_told_apart_less_often_than_alpha_while_people_look_after_every_answer() -> None:
    wrong = sum(
        run(Effect("a", "b", share=0.5), seed=seed, lift=0.0, answers=500) < 500 for seed in range(200)
    )

    assert wrong <= 200 * 0.05


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_a_better_arm_is_found_and_its_lift_lies_in_the_interval(share: float) -> None:
    effect = Effect("a", "b", share=share)

    needed = run(effect, seed=1, lift=0.2, share=share)

    assert needed < 20_000
    standing = effect.standing
    assert standing.interval.low > 0
    assert 0.2 in standing.interval
    assert standing.count == needed


def test_a_worse_arm_is_found_too() -> None:
    effect = Effect("a", "b", share=0.5)

    run(effect, seed=2, lift=-0.2)

    assert effect.standing.interval.high < 0


def test_scores_of_other_arms_count_nowhere() -> None:
    effect = Effect("a", "b", share=0.5)

    effect.update("c", 1.0)

    assert effect.standing.count == 0


@pytest.mark.parametrize("score", [-0.01, 1.01, float("nan")])
def test_a_score_outside_its_bounds_is_refused(score: float) -> None:
    with pytest.raises(ValueError, match="expected a score"):
        Effect("a", "b", share=0.5).update("a", score)


def test_a_difference_that_moves_has_an_interval_around_it_all_the_same() -> None:
    effect = Effect("a", "b", share=0.5)
    source = random.Random(3)
    for number in range(20_000):
        arm = "b" if source.random() < 0.5 else "a"
        # At first the treatment scores worse, and much better later.
        lift = -0.4 if number < 2_000 else 0.4
        effect.update(arm, float(source.random() < 0.5 + (lift if arm == "b" else 0.0)))

    assert effect.standing.interval.low > effect.standing.interval.high
    assert effect.present.interval.low < effect.present.difference < effect.present.interval.high
    assert effect.present.decided


def test_arms_that_do_not_differ_are_told_apart_less_often_than_alpha_while_both_move() -> None:
    def ever_decided(seed: int) -> bool:
        effect, source = Effect("a", "b", share=0.5), random.Random(seed)
        for number in range(1_000):
            chance = 0.5 - 0.4 * number / 1_000
            effect.update("b" if source.random() < 0.5 else "a", float(source.random() < chance))
            if effect.present.decided:
                return True
        return False

    assert sum(map(ever_decided, range(100))) <= 5
