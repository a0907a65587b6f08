"""Every estimator of River, made and fed, each with a stream of its own kind."""

from __future__ import annotations

import copy
import functools
import importlib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import river.api
from river import (
    anomaly,
    base,
    cluster,
    compose,
    feature_extraction,
    feature_selection,
    forest,
    imblearn,
    linear_model,
    metrics,
    model_selection,
    naive_bayes,
    optim,
    preprocessing,
    reco,
    stats,
    tree,
)
from river.neighbors.base import BaseNN
from river.reco.base import Ranker
from river.time_series.base import Forecaster
from river.tree import splitter

from riverrun.core.catalogue import river_catalogue
from tests.unit.codec import river_streams as streams
from tests.unit.codec.river_streams import Step


def _sampled(sampler: Callable[..., Any], **more: Any) -> Any:
    return sampler(linear_model.LogisticRegression(), {False: 0.5, True: 0.5}, seed=7, **more)


def _quick_tree(cls: Callable[..., Any], **more: Any) -> Any:
    """A tree that splits within a short stream."""
    return cls(grace_period=20, delta=0.1, **more)


# How to make the classes that need arguments, or that show more, or as much sooner, with some.
MAKERS: dict[str, Callable[[], Any]] = {
    "anomaly.HalfSpaceTrees": lambda: anomaly.HalfSpaceTrees(n_trees=3, height=5, window_size=50, seed=7),
    "anomaly.ThresholdFilter": lambda: anomaly.ThresholdFilter(
        anomaly.HalfSpaceTrees(n_trees=3, height=5, window_size=50, seed=7), threshold=0.5
    ),
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
    "forest.AMFClassifier": lambda: forest.AMFClassifier(n_estimators=3, seed=7),
    "forest.AMFRegressor": lambda: forest.AMFRegressor(n_estimators=2, seed=7),
    "forest.ARFRegressor": lambda: forest.ARFRegressor(n_models=3, seed=7),
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
    "reco.FunkMF": lambda: reco.FunkMF(optimizer=optim.SGD(0.01), seed=7),
    "tree.HoeffdingTreeClassifier": lambda: _quick_tree(tree.HoeffdingTreeClassifier),
    "tree.HoeffdingTreeRegressor": lambda: _quick_tree(tree.HoeffdingTreeRegressor),
    "tree.HoeffdingAdaptiveTreeClassifier": lambda: _quick_tree(tree.HoeffdingAdaptiveTreeClassifier, seed=7),
    "tree.HoeffdingAdaptiveTreeRegressor": lambda: _quick_tree(tree.HoeffdingAdaptiveTreeRegressor, seed=7),
    "tree.ExtremelyFastDecisionTreeClassifier": lambda: _quick_tree(tree.ExtremelyFastDecisionTreeClassifier),
    # What trees split by is shown in the trees that use it.
    "tree.splitter.DynamicQuantizer": lambda: tree.SGTClassifier(
        grace_period=20, feature_quantizer=splitter.DynamicQuantizer()
    ),
    "tree.splitter.StaticQuantizer": lambda: tree.SGTClassifier(
        grace_period=20, feature_quantizer=splitter.StaticQuantizer(n_bins=8, warm_start=20)
    ),
    **{
        f"tree.splitter.{by.__name__}": functools.partial(
            lambda by: _quick_tree(tree.HoeffdingTreeClassifier, splitter=by()), by
        )
        for by in (splitter.ExhaustiveSplitter, splitter.GaussianSplitter, splitter.HistogramSplitter)
    },
    **{
        f"tree.splitter.{by.__name__}": functools.partial(
            lambda by: _quick_tree(tree.HoeffdingTreeRegressor, splitter=by()), by
        )
        for by in (splitter.EBSTSplitter, splitter.QOSplitter, splitter.TEBSTSplitter)
    },
}

UNREPEATABLE = {
    "rules.AMRules": "keys its rules by where they lie in memory",
}
"""Estimators of which two trainers write different bytes for the same state, each with the reason."""

NOT_SHOWN = {
    "feature_extraction.RandomTreesEmbedding": river_catalogue().refusal(
        "feature_extraction.RandomTreesEmbedding"
    ),
    "misc.ZstdClassifier": river_catalogue().refusal("misc.ZstdClassifier"),
}
"""Estimators that are not stored, each with the reason that a spec naming it is refused with."""


@dataclass(frozen=True, slots=True)
class Case:
    """A model that shows the class `shows`: the steps it learns, how it learns one, what it answers to one.

    One class may have several cases, whose names then end in numbers.
    """

    name: str
    make: Callable[[], Any]
    steps: Callable[[int], Iterator[Step]]
    learn: Callable[[Any, Step], None]
    answer: Callable[[Any, Step], Any]

    def __str__(self) -> str:
        return self.name

    @property
    def repeatable(self) -> bool:
        """Whether two trainers that are given the same state write the same deltas."""
        return self.shows not in UNREPEATABLE

    @property
    def shows(self) -> str:
        """The public name of the class."""
        return self.name.partition("-")[0]


@functools.cache
def public_classes() -> dict[str, type[Any]]:
    """Every class of the catalogue, those that no spec may name included, by its name below ``river``."""
    found = {}
    for name in river_catalogue().classes:
        module, _, cls = name.rpartition(".")
        found[name] = getattr(importlib.import_module(f"river.{module}"), cls)
    return found


@functools.cache
def estimator_cases() -> tuple[Case, ...]:
    """One case for each way in which each estimator can be made."""
    cases: list[Case] = []
    for name, cls in public_classes().items():
        if issubclass(cls, base.Estimator) and name not in NOT_SHOWN:
            makers = _makers(name, cls)
            for index, make in enumerate(makers):
                cases.append(_case(name if len(makers) == 1 else f"{name}-{index}", make))
    return tuple(cases)


def _makers(name: str, cls: type[Any]) -> list[Callable[[], Any]]:
    if name in MAKERS:
        return [MAKERS[name]]
    count = len(list(cls._unit_test_params()))

    def nth(index: int) -> Callable[[], Any]:
        return lambda: cls(**list(cls._unit_test_params())[index])

    return [nth(index) for index in range(count)]


def _case(name: str, make: Callable[[], Any]) -> Case:
    model = make()
    numbers = streams.rows(float)
    if isinstance(model, Forecaster):
        return Case(
            name, make, streams.series, lambda m, s: m.learn_one(s[1]), lambda m, _: m.forecast(horizon=3)
        )
    if isinstance(model, Ranker):
        return Case(
            name, make, streams.ratings, lambda m, s: m.learn_one(*s), lambda m, s: m.predict_one(*s[:2])
        )
    if isinstance(model, BaseNN):
        return Case(name, make, numbers, lambda m, s: m.append(s[0]), lambda m, s: m.search(s[0], 3))
    if isinstance(model, base.MultiTargetRegressor):
        return Case(name, make, streams.rows(streams.two_numbers), _learn, _predict)
    if isinstance(model, base.MultiLabelClassifier):
        return Case(name, make, streams.rows(streams.two_labels), _learn, _predict)
    if isinstance(model, base.Classifier):
        labels: Callable[[float], Any] = streams.three_classes if model._multiclass else bool
        counted = base.tags.POSITIVE_INPUT in model._tags
        return Case(name, make, streams.counts if counted else streams.rows(labels), _learn, _classify)
    if isinstance(model, base.Regressor):
        return Case(name, make, numbers, _learn, _predict)
    if isinstance(model, base.AnomalyDetector | base.SupervisedAnomalyDetector) or hasattr(
        model, "score_one"
    ):
        return Case(name, make, numbers, _learn, _score)
    if isinstance(model, base.Clusterer):
        text = isinstance(model, cluster.TextClust)
        return Case(name, make, streams.counts if text else numbers, _learn, _predict)
    if hasattr(model, "transform_one"):
        text = base.tags.TEXT_INPUT in getattr(model, "_tags", ())
        return Case(name, make, streams.texts if text else streams.rows(bool), _learn, _transform)
    return Case(name, make, numbers, _learn, _predict)


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
