"""Answers that come true as often as they say are calibrated; others show by how much they are not."""

from __future__ import annotations

import random

import msgspec
import pytest

from riverrun.evaluation.calibration import Bin, Calibration, CalibrationCounts


def test_answers_that_come_true_as_often_as_they_say_have_a_small_error() -> None:
    source, calibration = random.Random(2), Calibration()

    for _ in range(20_000):
        share = source.random()
        calibration.update(share, source.random() < share)

    assert calibration.error < 0.02
    assert sum(one.answers for one in calibration.bins) == 20_000


def test_the_error_is_the_weighted_distance_of_the_bins() -> None:
    calibration = Calibration()
    for came_true in (True, False):
        calibration.update(0.9, came_true)
    calibration.update(1.0, True)
    calibration.update(0.05, False)

    low, high = calibration.bins
    assert low == Bin(1, pytest.approx(0.05), 0.0)
    assert high == Bin(3, pytest.approx(2.8 / 3), pytest.approx(2 / 3))
    assert calibration.error == pytest.approx((0.05 + 3 * (2.8 / 3 - 2 / 3)) / 4)


def test_before_the_first_answer_nothing_is_wrong() -> None:
    assert Calibration().error == 0.0
    assert Calibration().bins == []


def test_it_goes_on_where_another_stood_through_json() -> None:
    calibration = Calibration()
    calibration.update(0.31, True)

    resumed = Calibration(
        msgspec.json.decode(msgspec.json.encode(calibration.counts), type=CalibrationCounts)
    )

    assert resumed.bins == calibration.bins
