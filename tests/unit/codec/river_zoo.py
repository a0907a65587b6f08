"""Every concrete estimator of River that can be made and fed here, each with a stream of its own kind."""

from __future__ import annotations

import copy
import inspect
import random
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import river.api
from river import (
    base,
    cluster,
    compose,
    drift,
    feature_extraction,
    feature_selection,
    imblearn,
    linear_model,
    metrics,
    model_selection,
    naive_bayes,
    preprocessing,
    proba,
    stats,
    tree,
)
from river.neighbors.base import BaseNN
from river.reco.base import Ranker
from river.time_series.base import Forecaster

Step = tuple[Any, ...]


def _sampled(sampler: Callable[..., Any], **more: Any) -> Any:
    return sampler(linear_model.LogisticRegression(), {False: 0.5, True: 0.5}, seed=7, **more)


def _quick_tree(cls: Callable[..., Any], **more: Any) -> Any:
    """A tree that splits within a short stream."""
    return cls(grace_period=20, delta=0.1, **more)


# How to make the classes that need arguments, or that show more with some.
MAKERS: dict[str, Callable[[], Any]] = {
    "cluster.TextClust": lambda: cluster.TextClust(real_time_fading=False, fading_factor=0.01, radius=0.5),
    "compose.FuncTransformer": lambda: compose.FuncTransformer(river.utils.norm.normalize_values_in_dict),
    "compose.Grouper": lambda: compose.Grouper(preprocessing.StandardScaler(), by=["e"]),
    "compose.Pipeline": lambda: compose.Pipeline(
        preprocessing.StandardScaler(), linear_model.LinearRegression()
    ),
    "compose.Prefixer": lambda: compose.Prefixer("p_"),
    "compose.Renamer": lambda: compose.Renamer({"a": "alpha"}),
    "compose.Suffixer": lambda: compose.Suffixer("_s"),
    "compose.TargetTransformRegressor": lambda: compose.TargetTransformRegressor(
        linear_model.LinearRegression(), river.utils.math.sigmoid, river.utils.math.sigmoid
    ),
    "compose.TransformerProduct": lambda: compose.TransformerProduct(
        preprocessing.StandardScaler(), preprocessing.MinMaxScaler()
    ),
    "compose.TransformerUnion": lambda: compose.TransformerUnion(
        preprocessing.StandardScaler(), preprocessing.MinMaxScaler()
    ),
    "feature_extraction.Agg": lambda: feature_extraction.Agg(on="a", by=["e"], how=stats.Mean()),
    "feature_extraction.TargetAgg": lambda: feature_extraction.TargetAgg(by=["e"], how=stats.Mean()),
    "feature_extraction.BagOfWords": lambda: feature_extraction.BagOfWords(ngram_range=(1, 2)),
    "feature_selection.PoissonInclusion": lambda: feature_selection.PoissonInclusion(p=0.1, seed=7),
    "imblearn.RandomOverSampler": lambda: _sampled(imblearn.RandomOverSampler),
    "imblearn.RandomSampler": lambda: _sampled(imblearn.RandomSampler, sampling_rate=0.5),
    "imblearn.RandomUnderSampler": lambda: _sampled(imblearn.RandomUnderSampler),
    "model_selection.SuccessiveHalvingClassifier": lambda: model_selection.SuccessiveHalvingClassifier(
        [naive_bayes.GaussianNB(), tree.HoeffdingTreeClassifier()], metrics.Accuracy(), budget=40
    ),
    "preprocessing.TargetMinMaxScaler": lambda: preprocessing.TargetMinMaxScaler(
        linear_model.LinearRegression()
    ),
    "preprocessing.TargetStandardScaler": lambda: preprocessing.TargetStandardScaler(
        linear_model.LinearRegression()
    ),
    "tree.HoeffdingTreeClassifier": lambda: _quick_tree(tree.HoeffdingTreeClassifier),
    "tree.HoeffdingTreeRegressor": lambda: _quick_tree(tree.HoeffdingTreeRegressor),
    "tree.HoeffdingAdaptiveTreeClassifier": lambda: _quick_tree(tree.HoeffdingAdaptiveTreeClassifier, seed=7),
    "tree.HoeffdingAdaptiveTreeRegressor": lambda: _quick_tree(tree.HoeffdingAdaptiveTreeRegressor, seed=7),
    "tree.ExtremelyFastDecisionTreeClassifier": lambda: _quick_tree(tree.ExtremelyFastDecisionTreeClassifier),
}

# A base class that nobody makes, one that asks for a newer Python, and one whose state is refused.
LEFT_OUT = {"base.Estimator", "misc.ZstdClassifier", "feature_extraction.RandomTreesEmbedding"}


@dataclass(frozen=True, slots=True)
class Case:
    """An estimator with the steps that it learns, how it learns one, and what it answers to one."""

    name: str
    make: Callable[[], Any]
    steps: Callable[[int], Iterator[Step]]
    learn: Callable[[Any, Step], None]
    answer: Callable[[Any, Step], Any]

    def __str__(self) -> str:
        return self.name


def estimator_cases() -> list[Case]:
    """One case for each way in which each estimator can be made."""
    cases: list[Case] = []
    for name, cls in sorted(_estimators().items()):
        makers = _makers(name, cls)
        for index, make in enumerate(makers):
            label = name if len(makers) == 1 else f"{name}-{index}"
            cases.append(_case(label, make))
    return cases


def statistic_cases() -> list[Case]:
    """Univariate statistics, drift detectors, metrics and distributions, which models hold inside."""
    cases: list[Case] = []
    for module in (stats, drift, drift.binary, metrics, proba):
        for label in module.__all__:
            cls = getattr(module, label, None)
            if isinstance(cls, type) and not inspect.isabstract(cls):
                case = _statistic_case(f"{module.__name__.removeprefix('river.')}.{label}", cls)
                cases += [case] if case is not None else []
    return cases


def _estimators() -> dict[str, type[Any]]:
    found: dict[type[Any], str] = {}
    for module_name, module in vars(river.api).items():
        if isinstance(module, types.ModuleType):
            for name in getattr(module, "__all__", ()):
                cls = getattr(module, name, None)
                if inspect.isclass(cls) and issubclass(cls, base.Estimator) and not inspect.isabstract(cls):
                    found.setdefault(cls, f"{module_name}.{name}")
    return {name: cls for cls, name in found.items() if name not in LEFT_OUT}


def _makers(name: str, cls: type[Any]) -> list[Callable[[], Any]]:
    if name in MAKERS:
        return [MAKERS[name]]
    count = len(list(cls._unit_test_params()))

    def nth(index: int) -> Callable[[], Any]:
        return lambda: cls(**list(cls._unit_test_params())[index])

    return [nth(index) for index in range(count)]


def _case(name: str, make: Callable[[], Any]) -> Case:
    model = make()
    text = base.tags.TEXT_INPUT in getattr(model, "_tags", ())
    if isinstance(model, Forecaster):
        return Case(name, make, _series, lambda m, s: m.learn_one(s[1]), lambda m, _: m.forecast(horizon=3))
    if isinstance(model, Ranker):
        return Case(
            name, make, _ratings, lambda m, s: m.learn_one(*s), lambda m, s: m.predict_one(s[0], s[1])
        )
    if isinstance(model, BaseNN):
        return Case(name, make, _rows(float), lambda m, s: m.append(s[0]), lambda m, s: m.search(s[0], 3))
    if isinstance(model, base.MultiTargetRegressor):
        return Case(name, make, _rows(_two_numbers), _learn, _predict)
    if isinstance(model, base.MultiLabelClassifier):
        return Case(name, make, _rows(_two_labels), _learn, _predict)
    if isinstance(model, base.Classifier):
        labels = _three_classes if model._multiclass else bool
        if base.tags.POSITIVE_INPUT in model._tags:
            return Case(name, make, _counts, _learn, _classify)
        return Case(name, make, _rows(labels), _learn, _classify)
    if isinstance(model, base.Regressor):
        return Case(name, make, _rows(float), _learn, _predict)
    if isinstance(model, base.AnomalyDetector | base.SupervisedAnomalyDetector) or hasattr(
        model, "score_one"
    ):
        return Case(name, make, _rows(float), _learn, _score)
    if isinstance(model, cluster.TextClust):
        return Case(name, make, _counts, _learn, _predict)
    if isinstance(model, base.Clusterer):
        return Case(name, make, _rows(float), _learn, _predict)
    if hasattr(model, "transform_one"):
        return Case(name, make, _texts if text else _rows(bool), _learn, _transform)
    return Case(name, make, _rows(float), _learn, _predict)


def _statistic_case(name: str, cls: type[Any]) -> Case | None:
    def make() -> Any:
        has_params = hasattr(cls, "_unit_test_params")
        return cls(**(next(iter(cls._unit_test_params())) if has_params else {}))

    try:
        model = make()
    except TypeError:
        return None
    if isinstance(model, stats.base.Univariate):
        return Case(name, make, _rows(float), lambda m, s: m.update(s[1]), lambda m, _: m.get())
    if isinstance(model, base.BinaryDriftDetector):
        return Case(name, make, _rows(bool), lambda m, s: m.update(s[1]), lambda m, _: m.drift_detected)
    if isinstance(model, base.DriftDetector):
        return Case(name, make, _rows(float), lambda m, s: m.update(s[1]), lambda m, _: m.drift_detected)
    if isinstance(model, metrics.base.RegressionMetric):
        positive = lambda m, s: m.update(abs(s[1]), abs(s[0]["a"]))  # noqa: E731
        return Case(name, make, _rows(float), positive, lambda m, _: m.get())
    if isinstance(model, metrics.base.BinaryMetric):
        guess = (lambda x: 0.5 + x["a"] / 10) if not model.requires_labels else (lambda x: x["a"] > 0)
        return Case(name, make, _rows(bool), lambda m, s: m.update(s[1], guess(s[0])), lambda m, _: m.get())
    if isinstance(model, proba.base.ContinuousDistribution) and cls is not proba.MultivariateGaussian:
        return Case(name, make, _rows(float), lambda m, s: m.update(s[1]), lambda m, s: repr(m))
    return None


def _learn(model: Any, step: Step) -> None:
    supervised = getattr(model, "_supervised", False) and len(step) > 1
    model.learn_one(*step) if supervised else model.learn_one(step[0])


def _predict(model: Any, step: Step) -> Any:
    try:
        return model.predict_one(step[0])
    except NotImplementedError:
        return repr(model)


def _classify(model: Any, step: Step) -> Any:
    try:
        return model.predict_one(step[0]), model.predict_proba_one(step[0])
    except NotImplementedError:
        return model.predict_one(step[0])


def _transform(model: Any, step: Step) -> Any:
    # A copy, because a transformer may be a function that works in place.
    return model.transform_one(copy.copy(step[0]))


def _score(model: Any, step: Step) -> Any:
    takes_label = "y" in inspect.signature(model.score_one).parameters
    return model.score_one(*step) if takes_label else model.score_one(step[0])


def _row(source: random.Random) -> dict[str, Any]:
    return {name: source.gauss(0, 1) for name in "abcde"}


def _number(x: dict[str, Any]) -> float:
    return 3 * x["a"] - x["b"] + x["c"] * x["d"]


def _two_numbers(number: float) -> dict[str, float]:
    return {"first": number, "second": -2 * number}


def _two_labels(number: float) -> dict[str, bool]:
    return {"first": number > 0, "second": number > 1}


def _three_classes(number: float) -> str:
    return "low" if number < -1 else "middle" if number < 1 else "high"


def _rows(label: Callable[[float], Any]) -> Callable[[int], Iterator[Step]]:
    def rows(count: int) -> Iterator[Step]:
        source = random.Random(42)
        for _ in range(count):
            x = _row(source)
            number = _number(x) + source.gauss(0, 0.1)
            yield x, label(number > 0 if label is bool else number)

    return rows


def _counts(count: int) -> Iterator[Step]:
    for x, label in _rows(_three_classes)(count):
        yield {name: int(3 * abs(value)) for name, value in x.items()}, label


def _texts(count: int) -> Iterator[Step]:
    source = random.Random(42)
    words = ("river", "runs", "past", "Eve", "from", "swerve", "of", "shore", "to", "bend", "bay")
    for _ in range(count):
        yield " ".join(source.choices(words, k=5)), source.random() < 0.5


def _series(count: int) -> Iterator[Step]:
    source = random.Random(42)
    for index in range(count):
        yield {}, 10 + index % 7 + source.random()


def _ratings(count: int) -> Iterator[Step]:
    source = random.Random(42)
    for _ in range(count):
        yield f"user{source.randrange(9)}", f"item{source.randrange(9)}", float(source.randrange(1, 6))
