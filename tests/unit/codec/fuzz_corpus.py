"""What the decoder fuzz begins with: one of everything that can be stored, and small models."""

from __future__ import annotations

import datetime as dt
import functools
import random
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

import numpy as np
from river import compose, drift, ensemble, linear_model, metrics, preprocessing, stats, tree

from tests.unit.codec.parts import Colour, Index, Metres, Part, Point, SlottedChild, Window


def parts() -> Part:
    """One of everything that has a node kind of its own, where no model of River has it."""
    slotted = SlottedChild()
    slotted.left = [1]
    window = Window([1.0, 2.0])
    window.label = "w"  # type: ignore[attr-defined]
    index = Index()
    index.label = "i"  # type: ignore[attr-defined]
    return Part(
        numbers=[1 << 70, 1j, Metres(2.0), Colour.RED, Point(1.0, "y"), b"bytes", "\ud800", -0.0],
        sets=({1, 2}, frozenset({3}), range(3)),
        mappings=(OrderedDict(a=1), Counter(a=2), defaultdict(int, a=3), {(1, "t"): None}),
        deque=deque([1, 2], maxlen=4),
        extended=(window, index, slotted),
        callables=(max, functools.partial(round, ndigits=2), Part(name="n").double, Part),
        arrays=[np.arange(6.0).reshape(2, 3), np.float32(1.5), bytearray(b"ab"), np.array(["a", "bc"])],
        random=(random.Random(1), np.random.RandomState(1), np.random.default_rng(1)),
        times=(dt.date(2026, 1, 2), dt.timedelta(seconds=3), dt.datetime(2026, 1, 2, tzinfo=dt.UTC)),
        iterator=iter([1, 2, 3]),
        moments=[stats.EWMean(), stats.EWVar(), stats.Kurtosis(), stats.Skew()],
        quantiles=[stats.Quantile(0.5), stats.IQR()],
        windows=[stats.RollingQuantile(0.5, 9), stats.RollingIQR(9), stats.PeakToPeak(), drift.ADWIN()],
        curves=[metrics.RollingROCAUC(1, 9), metrics.RollingPRAUC(1, 9)],
        rows={f"k{i}": float(i) for i in range(70)},
        for_trainer=Part(seen=7),
    )


def models() -> list[Any]:
    """Small models, some of them with rows of weights."""
    made = [
        preprocessing.StandardScaler() | linear_model.LogisticRegression(),
        tree.HoeffdingTreeClassifier(grace_period=5, delta=0.5),
        ensemble.BaggingClassifier(compose.Select("f0") | linear_model.Perceptron(), n_models=2, seed=1),
    ]
    source = random.Random(4)
    for model in made:
        for i in range(40):
            model.learn_one({f"f{j}": source.random() for j in range(3)}, i % 2 == 0)
    wide = linear_model.LogisticRegression()
    wide.learn_one({f"f{i}": source.random() for i in range(70)}, True)
    return [*made, wide]


def tensor_sides() -> list[dict[int, bytes]]:
    """The serving sides of torch models, exact and rounded; imports torch."""
    from riverrun.core.spec import parse_spec
    from riverrun.learners.build import build_learner

    sides = []
    for model in ("{mlp: {hidden: [30], optimizer: Adam}}", "{factorization: {dim: 16, buckets: 100}}"):
        for precision in ("exact", "bf16", "int8"):
            learner = build_learner(
                parse_spec(
                    f"{{name: m, task: binary, learner: torch, features: {{a: category, b: float}}, "
                    f"model: {model}, publish: {{precision: {precision}}}}}"
                )
            )
            for i in range(20):
                learner.learn([{"a": f"a{i}", "b": i / 20}], [i % 2 == 0], [1.0])
            learner.changes()
            sides.append(dict(learner.state().serving))
    return sides
