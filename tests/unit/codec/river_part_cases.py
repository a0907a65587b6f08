"""What models of River hold inside: every public class that is no estimator, made and fed."""

from __future__ import annotations

import datetime as dt
import functools
import random
from collections.abc import Callable
from typing import Any

import river.sketch
from river import bandit, base, conf, linear_model, metrics, misc, optim, proba, stats, time_series, utils

from tests.unit.codec import river_streams as streams
from tests.unit.codec.river_streams import Step
from tests.unit.codec.river_zoo import Case, public_classes

Maker = Callable[[], Any]
_START = dt.datetime(2024, 1, 1)

MAKERS: dict[str, Maker] = {
    "bandit.EpsilonGreedy": lambda: bandit.EpsilonGreedy(0.2, seed=7),
    "bandit.Exp3": lambda: bandit.Exp3(0.5, seed=7),
    "bandit.ThompsonSampling": lambda: bandit.ThompsonSampling(proba.Gaussian(seed=7), seed=7),
    "bandit.UCB": lambda: bandit.UCB(delta=1, seed=7),
    "conf.Interval": lambda: conf.Interval(-1.0, 1.5),
    "metrics.MultiFBeta": lambda: metrics.MultiFBeta(
        {"low": 0.5, "middle": 1, "high": 2}, {"low": 0.3, "middle": 0.3, "high": 0.4}
    ),
    **{
        f"metrics.{beta.__name__}": functools.partial(beta, 0.5)
        for beta in (metrics.FBeta, metrics.MacroFBeta, metrics.MicroFBeta, metrics.WeightedFBeta)
    },
    "metrics.ClassificationReport": lambda: metrics.ClassificationReport(decimals=6),
    "metrics.multioutput.MacroAverage": lambda: metrics.multioutput.MacroAverage(metrics.Accuracy()),
    "metrics.multioutput.MicroAverage": lambda: metrics.multioutput.MicroAverage(metrics.Accuracy()),
    "metrics.multioutput.PerOutput": lambda: metrics.multioutput.PerOutput(metrics.Accuracy()),
    "metrics.multioutput.SampleAverage": lambda: metrics.multioutput.SampleAverage(metrics.Jaccard()),
    "misc.SDFT": lambda: misc.SDFT(window_size=8),
    "misc.Skyline": lambda: misc.Skyline(minimize=["a"], maximize=["b"]),
    "optim.initializers.Constant": lambda: optim.initializers.Constant(0.5),
    "optim.initializers.Normal": lambda: optim.initializers.Normal(seed=7),
    "optim.schedulers.Constant": lambda: optim.schedulers.Constant(0.1),
    "optim.schedulers.InverseScaling": lambda: optim.schedulers.InverseScaling(0.1),
    "optim.schedulers.Optimal": lambda: optim.schedulers.Optimal(optim.losses.Squared()),
    "stats.AutoCorr": lambda: stats.AutoCorr(lag=3),
    "stats.BayesianMean": lambda: stats.BayesianMean(prior=1, prior_weight=5),
    **{
        f"stats.{rolling}": functools.partial(getattr(stats, rolling), window_size=7)
        for rolling in stats.__all__
        if rolling.startswith("Rolling") and rolling != "RollingQuantile"
    },
    "stats.RollingQuantile": lambda: stats.RollingQuantile(0.3, window_size=7),
    "stats.Link": lambda: stats.Shift(1) | stats.Mean(),
    "time_series.HorizonAggMetric": lambda: time_series.HorizonAggMetric(metrics.MAE(), max),
    "time_series.HorizonMetric": lambda: time_series.HorizonMetric(metrics.MAE()),
    "utils.Rolling": lambda: utils.Rolling(stats.Mean, window_size=5),
    "utils.TimeRolling": lambda: utils.TimeRolling(stats.Mean, period=dt.timedelta(seconds=5)),
}
"""Parts that need arguments, or that draw from a generator."""


@functools.cache
def part_cases() -> tuple[Case, ...]:
    """One case for each of them."""
    return tuple(
        _case(name, cls) for name, cls in public_classes().items() if not issubclass(cls, base.Estimator)
    )


def _case(name: str, cls: type[Any]) -> Case:
    if name.startswith("optim."):
        return _optimized(name, cls)
    make = MAKERS.get(name) or (lambda: cls(**(next(iter(_parameters(cls))))))
    part = make()
    numbers = streams.rows(float)
    if isinstance(part, metrics.base.Metric | metrics.base.ClusteringMetric):
        return _metric(name, make, part)
    match part:
        case bandit.LinUCBDisjoint():
            return Case(name, make, numbers, _pull_in_context, _ranking)
        case bandit.base.Policy():
            return Case(name, make, numbers, _pull, _ranking)
        case base.BinaryDriftDetector():
            return Case(name, make, streams.rows(bool), _update, lambda p, _: p.drift_detected)
        case base.DriftDetector():
            return Case(name, make, numbers, _update, lambda p, _: p.drift_detected)
        case stats.ChiSquared():
            return Case(name, make, numbers, lambda p, s: p.update(round(s[0]["a"]), round(s[1])), _get)
        case stats.KolmogorovSmirnov():
            return Case(name, make, numbers, _update_alike, _get)
        case stats.base.Bivariate():
            return Case(name, make, numbers, lambda p, s: p.update(s[0]["a"], s[1]), _get)
        case stats.base.Univariate() | utils.Rolling():
            return Case(name, make, numbers, _update, _get)
        case utils.TimeRolling():
            return Case(name, make, numbers, _update_in_time, _get)
        case proba.Multinomial():
            return Case(name, make, streams.rows(streams.three_classes), _update, _density)
        case proba.Beta():
            return Case(name, make, streams.rows(bool), _update, lambda p, _: (p(0.3), p.mode, p.cdf(0.5)))
        case proba.MultivariateGaussian():
            return Case(name, make, numbers, lambda p, s: p.update(s[0]), lambda p, s: p(s[0]))
        case proba.base.Distribution():
            return Case(name, make, numbers, _update, _density)
        case time_series.HorizonMetric():
            return Case(name, make, numbers, _update_horizon, lambda p, _: p.get() if p.metrics else None)
    if name.startswith("covariance."):
        return Case(name, make, numbers, lambda p, s: p.update(s[0]), _matrix)
    if name == "metrics.multioutput.MultiLabelConfusionMatrix":
        return Case(name, make, streams.rows(streams.two_labels), _judge_labels, lambda p, _: repr(p))
    if name == "misc.Skyline":
        return Case(name, make, numbers, lambda p, s: p.update(s[0]), lambda p, _: list(p))
    if name.startswith("sketch."):
        return Case(name, make, numbers, _sketch, _SKETCHED.get(name, lambda p, _: repr(p)))
    if name == "misc.SDFT":
        return Case(name, make, numbers, _update, lambda p, _: repr(vars(p)))
    return Case(name, make, numbers, lambda *_: None, lambda p, _: p)


def _parameters(cls: type[Any]) -> list[dict[str, Any]]:
    return list(cls._unit_test_params()) if hasattr(cls, "_unit_test_params") else [{}]


def _optimized(name: str, cls: type[Any]) -> Case:
    """A linear model that learns by it."""
    made = MAKERS.get(name) or (lambda: cls(**next(iter(_parameters(cls)))))
    model: Callable[..., Any] = linear_model.LinearRegression
    labels: Callable[[float], Any] = float
    key = "optimizer"
    if name.startswith("optim.losses."):
        key = "loss"
        # Slowly, because one of them grows without bounds.
        model = functools.partial(linear_model.LinearRegression, optim.SGD(1e-4))
        if issubclass(cls, optim.losses.BinaryLoss):
            model, labels = linear_model.LogisticRegression, bool
        elif issubclass(cls, optim.losses.MultiClassLoss):
            model, labels = linear_model.SoftmaxRegression, streams.three_classes
    elif name.startswith("optim.initializers."):
        key = "initializer"
    answer = "predict_one" if labels is float else "predict_proba_one"
    return Case(
        name,
        lambda: model(**{key: optim.SGD(made()) if name.startswith("optim.schedulers.") else made()}),
        streams.rows(labels),
        lambda m, s: m.learn_one(*s),
        lambda m, s: getattr(m, answer)(s[0]),
    )


def _metric(name: str, make: Maker, metric: Any) -> Case:
    if isinstance(metric, metrics.Silhouette):
        centers = {i: {"a": float(i), "b": 0.0, "c": 0.0, "d": 0.0, "e": 0.0} for i in range(3)}
        return Case(
            name, make, streams.rows(float), lambda m, s: m.update(s[0], int(s[1]) % 3, centers), _get
        )
    if isinstance(metric, metrics.multioutput.base.MultiOutputMetric):
        return Case(name, make, streams.rows(streams.two_labels), _judge_labels, _get)
    if isinstance(metric, metrics.base.RegressionMetric):
        positive = lambda m, s: m.update(abs(s[1]), abs(s[0]["a"]))  # noqa: E731
        return Case(name, make, streams.rows(float), positive, _get)
    if isinstance(metric, metrics.base.BinaryMetric):
        guess = (lambda x: x["a"] > 0) if metric.requires_labels else (lambda x: 0.5 + x["a"] / 10)
        return Case(name, make, streams.rows(bool), lambda m, s: m.update(s[1], guess(s[0])), _get)
    if isinstance(metric, metrics.ConfusionMatrix | metrics.ClassificationReport):
        return Case(name, make, streams.rows(streams.three_classes), _judge_classes, _table)
    judge = _judge_classes if metric.requires_labels else _judge_shares
    return Case(name, make, streams.rows(streams.three_classes), judge, _get)


def _judge_classes(metric: Any, step: Step) -> None:
    metric.update(step[1], streams.three_classes(2 * step[0]["a"]))


def _judge_shares(metric: Any, step: Step) -> None:
    share = abs(step[0]["a"]) % 1
    metric.update(step[1], {"low": share, "middle": (1 - share) / 2, "high": (1 - share) / 2})


def _judge_labels(metric: Any, step: Step) -> None:
    metric.update(step[1], streams.two_labels(2 * step[0]["a"]))


def _update(part: Any, step: Step) -> None:
    part.update(step[1])


def _update_alike(part: Any, step: Step) -> None:
    # It draws from the generator of the process, which is no part of its state; no answer depends on it.
    random.seed(part.n_samples)
    part.update(step[0]["a"], step[1])


def _update_in_time(part: Any, step: Step) -> None:
    # As far on as the number of examples that it has seen.
    part.update(step[1], t=_START + dt.timedelta(seconds=part.obj.n))


def _update_horizon(part: Any, step: Step) -> None:
    part.update([step[1], 2 * step[1]], [step[0]["a"], step[0]["b"]])


def _pull(policy: Any, step: Step) -> None:
    policy.update(policy.pull([0, 1, 2]), step[0]["a"])


def _pull_in_context(policy: Any, step: Step) -> None:
    policy.update(policy.pull([0, 1, 2], context=step[0]), step[0], step[0]["a"])


def _ranking(policy: Any, _: Step) -> Any:
    return policy.ranking, sorted((repr(arm), repr(reward)) for arm, reward in policy._rewards.items())


def _get(part: Any, _: Step) -> Any:
    return part.get()


def _table(metric: Any, _: Step) -> Any:
    # Not as it prints itself, which adds empty rows to it.
    return {key: dict(row) for key, row in getattr(metric, "cm", metric).data.items()}


def _density(distribution: Any, step: Step) -> Any:
    return distribution(step[1]), repr(distribution.mode)


def _matrix(covariance: Any, _: Step) -> Any:
    return repr({key: repr(value) for key, value in covariance.matrix.items()})


def _sketch(sketch: Any, step: Step) -> None:
    value = round(step[1], 1)
    match sketch:
        case river.sketch.Set():
            sketch.add(str(value))
        case river.sketch.NUnique():
            sketch.update(str(value))
        case _:
            sketch.update(value)


_SKETCHED: dict[str, Callable[[Any, Step], Any]] = {
    "sketch.Counter": lambda p, s: p[round(s[1], 1)],
    "sketch.HeavyHitters": lambda p, _: p.most_common(5),
    "sketch.NUnique": lambda p, _: p.get(),
    "sketch.Set": lambda p, s: str(round(s[1], 1)) in p,
}
