"""Distributions get generators that differ, as River's own do, and keep the seeds they are given."""

from __future__ import annotations

import random

from river import proba

from riverrun.learners.river_generators import seed_quickly

seed_quickly()


def test_distributions_without_a_seed_draw_each_their_own() -> None:
    drawn = set()
    for _ in range(100):
        random.seed(1)
        distribution = proba.Gaussian()
        assert distribution.seed is None
        drawn.add(distribution._rng.random())

    assert len(drawn) == 100


def test_a_seed_that_is_given_counts() -> None:
    distribution = proba.Gaussian(seed=7)

    assert distribution.seed == 7
    assert list(vars(distribution)) == ["seed", "_rng", "_var"]
    assert distribution._rng.random() == random.Random(7).random()
