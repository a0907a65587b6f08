"""What an experiment comes to as labels come in: each key counts once, and a restart changes nothing."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import msgspec

from riverrun.core.experiments import Arm, Experiment, Guardrail, Judged
from riverrun.evaluation.experiments import Assignment, ExperimentTally, tally
from riverrun.evaluation.experiments.assignment import ArmShare

CONTROL, BETTER, WORSE = Arm("control", 0.4, "live"), Arm("better", 0.3, "b"), Arm("worse", 0.3, "w")
PLAN = Experiment("three", (CONTROL, BETTER, WORSE), started_ns=1)
LOSSES = {"control": 0.3, "better": 0.2, "worse": 0.45}


def fed(counted: ExperimentTally, keys: range, seed: int = 1) -> ExperimentTally:
    """One answer for each of `keys`, right or wrong by its arm's chance."""
    assignment = Assignment("three", [ArmShare(arm.name, arm.share) for arm in PLAN.arms])
    source = random.Random(seed)
    for key in keys:
        place = assignment.place_of(f"k{key}")
        arm = assignment.arm_at(place)
        assert arm is not None
        counted.take(arm, place, float(source.random() < LOSSES[arm]))
    return counted


def test_a_better_and_a_worse_arm_are_told_from_the_control() -> None:
    results = fed(ExperimentTally(PLAN), range(6_000)).results()

    better, worse = results.arm("better"), results.arm("worse")
    assert better is not None
    assert worse is not None
    assert better.against_control is not None
    assert worse.against_control is not None
    assert better.against_control.is_decided
    assert better.against_control.low < -0.1 < better.against_control.high < 0
    assert worse.against_control.is_decided
    assert worse.against_control.low > 0
    assert sum(arm.answers for arm in results.arms) == 6_000
    assert not results.mismatch


def test_a_key_counts_once_in_intervals_and_each_answer_in_the_mean() -> None:
    counted = ExperimentTally(PLAN)
    for _ in range(1_000):
        counted.take("control", 7, 1.0)
    counted.take("control", 8, 0.0)

    [control, *_] = counted.results().arms
    assert (control.answers, control.keys) == (1_001, 2)
    assert control.loss is not None
    assert control.loss > 0.99
    assert not counted.results().mismatch


def test_a_tally_goes_on_elsewhere_as_if_nothing_had_happened() -> None:
    whole = fed(fed(ExperimentTally(PLAN), range(500)), range(500, 1_500), seed=2)

    before = fed(ExperimentTally(PLAN), range(500))
    state = msgspec.msgpack.encode(before.arms_sums)
    arms = msgspec.msgpack.decode(state, type=dict[str, tally.ArmSums])
    went_on = fed(
        ExperimentTally(PLAN, arms, before.paths, before.keys, before.ratio_doubt), range(500, 1_500), seed=2
    )

    assert went_on.arms_sums == whole.arms_sums
    assert went_on.results().arms == whole.results().arms


def test_further_keys_are_not_counted_once_it_is_full(monkeypatch: Any) -> None:
    monkeypatch.setattr(tally, "MAX_KEYS", 100)

    results = fed(ExperimentTally(PLAN), range(300)).results()

    assert results.is_full
    assert sum(arm.keys for arm in results.arms) == 100
    assert sum(arm.answers for arm in results.arms) == 300


def test_the_path_stays_short_and_ends_where_the_results_are() -> None:
    compared = fed(ExperimentTally(PLAN), range(6_000)).results().arms[1].against_control

    assert compared is not None
    assert 10 < len(compared.path) <= tally.MAX_POINTS + 1
    assert [count for count, *_ in compared.path] == sorted({count for count, *_ in compared.path})
    assert compared.path[-1][1:] == (compared.difference, compared.low, compared.high)


def test_shares_that_are_not_those_declared_are_found() -> None:
    counted = ExperimentTally(PLAN)
    for key in range(3_000):
        counted.take(("control", "better", "worse")[key % 3], key, 0.0)

    assert counted.results().mismatch


def test_a_stopped_arm_is_no_mismatch() -> None:
    counted = fed(ExperimentTally(PLAN), range(300))
    counted.use(replace(PLAN, arms=(CONTROL, BETTER, replace(WORSE, stopped_ns=2))))
    for key in range(3_500):
        counted.take("control" if key % 7 < 4 else "better", 10_000 + key, 0.0)

    assert not counted.results().mismatch


def test_a_guardrail_stops_the_arm_that_it_is_about_and_not_before_it_is_sure() -> None:
    plan = replace(PLAN, guardrails=(Guardrail(Judged.HARM, 0.05), Guardrail(Judged.LOSS, 0.9)))
    few = fed(ExperimentTally(plan), range(60))
    many = fed(ExperimentTally(plan), range(6_000))

    assert few.breaches() == []
    [breach] = many.breaches()
    assert breach.arm == "worse"
    assert breach.reason.startswith("harm is surely above 0.05: 0.")


def test_a_bound_of_the_loss_may_be_of_the_control() -> None:
    plan = replace(PLAN, guardrails=(Guardrail(Judged.LOSS, 0.25, "control"),))

    assert [one.arm for one in fed(ExperimentTally(plan), range(6_000)).breaches()] == ["control"]


def test_what_was_stopped_or_has_ended_breaks_nothing_more() -> None:
    plan = replace(PLAN, guardrails=(Guardrail(Judged.HARM, 0.05),))
    counted = fed(ExperimentTally(plan), range(6_000))

    counted.use(replace(plan, arms=(CONTROL, BETTER, replace(WORSE, stopped_ns=2))))
    stopped = counted.breaches()
    counted.use(replace(plan, ended_ns=2))

    assert stopped == []
    assert counted.breaches() == []


def test_an_arm_that_is_not_in_the_plan_counts_nowhere() -> None:
    counted = ExperimentTally(PLAN)

    counted.take("nobody", 1, 1.0)

    assert counted.keys == []
