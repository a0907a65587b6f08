"""How the harm of wrong labels is counted from answers; nothing is measured here."""

from __future__ import annotations

import pytest

from benchmarks.label_flip import RATE, Outcome, Plan, Seen, figures

PLAN = Plan(before_s=20, flip_s=10, after_s=30)


def seen(wrong: range, behind: int = 0) -> Seen:
    """Answers of which those of `wrong` seconds were wrong, on top of each tenth one."""
    seconds = [i // RATE for i in range(PLAN.examples)]
    answers = [second in wrong or i % 10 == 0 for i, second in enumerate(seconds)]
    return Seen(answers, [], [behind] * (PLAN.examples // 100), 1.2, [])


CLEAN = seen(range(0))


def test_errors_are_those_beyond_the_clean_run() -> None:
    one = Outcome.of(seen(range(22, 32), behind=150), CLEAN, PLAN)

    assert one.bad_predictions == 10 * 90
    assert one.worst_loss_of_accuracy == pytest.approx(0.9)
    # The last wrong answer is two seconds after the last wrong label.
    assert one.recovered_after_s == 2
    assert one.last_loss_of_accuracy == 0
    assert (one.behind_p50_s, one.trainer_cpu_ms) == (1.5, 0.2)


def test_a_run_without_harm_has_none() -> None:
    one = Outcome.of(CLEAN, CLEAN, PLAN)

    assert (one.bad_predictions, one.worst_loss_of_accuracy, one.recovered_after_s) == (0, 0, 0)


def test_figures_stand_beside_those_of_no_gate() -> None:
    off = Outcome.of(seen(range(20, 40), behind=10), CLEAN, PLAN)
    shadow = Outcome.of(seen(range(20, 21)), CLEAN, PLAN)

    found = {one.name: one for one in figures("shadow", shadow, off, PLAN, "phishing")}

    bad = found["label_flip_shadow_bad_predictions"]
    assert (bad.value, bad.reference_value, bad.ratio) == (90, 1800, 0.05)
    assert found["label_flip_shadow_recovered_after"].reference_value == 10
    assert found["label_flip_shadow_last_20_s"].holds
    assert found["label_flip_shadow_behind_p50"].ratio == 0


def test_what_never_recovered_says_so_and_misses_its_target() -> None:
    lost = Outcome.of(seen(range(20, 60)), CLEAN, PLAN)

    found = {one.name: one for one in figures("shadow", lost, None, PLAN, "phishing")}

    after = found["label_flip_shadow_recovered_after"]
    assert (after.value, after.reference, after.ratio) == (30, "", None)
    assert after.note.endswith("it never was within 1 % of the clean run")
    assert found["label_flip_shadow_last_20_s"].holds is False
    assert {one.holds for one in figures("off", lost, None, PLAN, "phishing")} == {None}
