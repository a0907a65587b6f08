"""Random models of River's parts as specs declare them, and random streams for them; both by a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from riverrun.core.predictions import Features, Label
from riverrun.core.spec.model_check import check_model
from riverrun.core.spec.model_spec import ModelSpec

Declared = Any
"""What stands for an object in a spec."""

MAX_DEPTH = 2
"""How deep models are wrapped in models."""

_PLAIN_SCALERS: tuple[Declared, ...] = (
    "preprocessing.StandardScaler",
    "preprocessing.MinMaxScaler",
    "preprocessing.MaxAbsScaler",
    "preprocessing.RobustScaler",
    "preprocessing.AdaptiveStandardScaler",
    "preprocessing.Normalizer",
    "preprocessing.Binarizer",
    {"feature_selection.VarianceThreshold": {"threshold": 0.01}},
    {"feature_selection.SelectKBest": {"similarity": "stats.PearsonCorr", "k": 3}},
    {"feature_selection.PoissonInclusion": {"p": 0.5, "seed": 1}},
)
"""From numbers to as many or fewer."""

_SCALERS: tuple[Declared, ...] = (
    *_PLAIN_SCALERS,
    {"feature_extraction.PolynomialExtender": {"degree": 2, "interaction_only": True}},
    {"feature_extraction.RBFSampler": {"n_components": 4, "seed": 2}},
    {"preprocessing.GaussianRandomProjector": {"n_components": 4, "seed": 3}},
    {"preprocessing.SparseRandomProjector": {"n_components": 4, "density": 0.5, "seed": 4}},
    {"compose.Prefixer": ["p_"]},
    {"compose.Suffixer": ["_s"]},
    {"compose.Renamer": [{"f0": "first"}]},
    {"compose.Discard": ["f3"]},
    {"compose.TransformerProduct": ["preprocessing.StandardScaler", "preprocessing.MinMaxScaler"]},
)
"""From numbers to numbers."""

_ENCODERS: tuple[Declared, ...] = (
    "preprocessing.OneHotEncoder",
    {"preprocessing.OneHotEncoder": {"drop_first": True}},
    "preprocessing.OrdinalEncoder",
    {"preprocessing.FeatureHasher": {"n_features": 8, "seed": 5}},
)
"""From texts to numbers."""

_EXTRACTORS: tuple[Declared, ...] = (
    {"feature_extraction.TargetAgg": {"by": "colour", "how": "stats.Mean"}},
    {"feature_extraction.TargetAgg": {"by": ["colour", "shape"], "how": {"stats.BayesianMean": [0, 5]}}},
    {"feature_extraction.Agg": {"on": "f0", "by": "shape", "how": "stats.Mean"}},
    {"feature_extraction.Agg": {"on": "f1", "by": ["colour"], "how": {"stats.RollingMax": [4]}}},
    {"feature_extraction.BagOfWords": {"on": "words"}},
    {"feature_extraction.TFIDF": {"on": "words"}},
)
"""From whole rows to numbers; some need features that may be missing."""

_IMPUTERS: tuple[Declared, ...] = (
    {"preprocessing.StatImputer": [["f0", "stats.Mean"], ["colour", {"stats.RollingMode": [5]}]]},
    "preprocessing.PreviousImputer",
)

_OPTIMIZERS: tuple[Declared, ...] = (
    *(
        {f"optim.{name}": {"lr": 0.03}}
        for name in ("SGD", "Adam", "AdaGrad", "RMSProp", "Momentum", "Nadam", "AMSGrad", "AdaMax")
    ),
    "optim.AdaDelta",
    "optim.FTRLProximal",
    {"optim.SGD": [{"optim.schedulers.InverseScaling": [0.05]}]},
)

_DETECTORS: tuple[Declared, ...] = (
    {"drift.ADWIN": {"delta": 0.05, "clock": 4}},
    {"drift.PageHinkley": {"min_instances": 10, "threshold": 5}},
    {"drift.KSWIN": {"window_size": 20, "stat_size": 8, "seed": 6}},
)

_BINARY: tuple[Declared, ...] = (
    "linear_model.PAClassifier",
    "linear_model.Perceptron",
    "linear_model.AdPredictor",
    "linear_model.ALMAClassifier",
    {"facto.FMClassifier": {"n_factors": 3, "seed": 7}},
    {"facto.FFMClassifier": {"n_factors": 2, "seed": 7}},
    {"tree.SGTClassifier": {"grace_period": 15, "delta": 0.1}},
)
_CLASSIFIERS: tuple[Declared, ...] = (
    "linear_model.SoftmaxRegression",
    "naive_bayes.GaussianNB",
    "naive_bayes.BernoulliNB",
    "dummy.PriorClassifier",
    "dummy.NoChangeClassifier",
    {"neighbors.KNNClassifier": {"n_neighbors": 3}},
    {"forest.AMFClassifier": {"n_estimators": 2, "seed": 8}},
)
_TREES: tuple[Declared, ...] = (
    {"tree.HoeffdingTreeClassifier": {"grace_period": 10, "delta": 0.2, "tau": 0.3}},
    {"tree.HoeffdingTreeClassifier": {"grace_period": 10, "leaf_prediction": "mc", "max_depth": 3}},
    {"tree.HoeffdingAdaptiveTreeClassifier": {"grace_period": 10, "delta": 0.2, "seed": 9}},
    {"tree.ExtremelyFastDecisionTreeClassifier": {"grace_period": 10, "min_samples_reevaluate": 10}},
    "tree.LASTClassifier",
    {"forest.ARFClassifier": {"n_models": 2, "grace_period": 10, "seed": 10}},
    {"naive_bayes.GaussianNB": None},
)
_REGRESSORS: tuple[Declared, ...] = (
    "linear_model.PARegressor",
    "linear_model.BayesianLinearRegression",
    "dummy.StatisticRegressor",
    {"neighbors.KNNRegressor": {"n_neighbors": 3}},
    {"facto.FMRegressor": {"n_factors": 3, "seed": 11}},
    {"facto.FwFMRegressor": {"n_factors": 2, "seed": 11}},
    {"forest.AMFRegressor": {"n_estimators": 2, "seed": 12}},
    {"rules.AMRules": {"n_min": 15, "delta": 0.2}},
)
_REGRESSION_TREES: tuple[Declared, ...] = (
    {"tree.HoeffdingTreeRegressor": {"grace_period": 10, "delta": 0.2}},
    {"tree.HoeffdingTreeRegressor": {"grace_period": 10, "splitter": "tree.splitter.QOSplitter"}},
    {"tree.HoeffdingAdaptiveTreeRegressor": {"grace_period": 10, "seed": 13}},
    {"tree.SGTRegressor": {"grace_period": 15, "delta": 0.1}},
    {"forest.ARFRegressor": {"n_models": 2, "grace_period": 10, "seed": 14}},
    {"forest.OXTRegressor": {"n_models": 2, "grace_period": 10, "seed": 15}},
)


class _Builder:
    """Draws declarations for one `task`."""

    def __init__(self, source: random.Random, task: str) -> None:
        self._source = source
        self._task = task

    def model(self) -> list[Declared]:
        """Steps from whole rows to an answer."""
        source = self._source
        steps = [source.choice(_IMPUTERS)] if source.random() < 0.3 else []
        if source.random() < 0.25:
            # Trees take rows as they are.
            return [*steps, self._tree()]
        branches: list[Declared] = [[{"compose.SelectType": ["number"]}, *self._scalers()]]
        if source.random() < 0.7:
            branches.append([{"compose.SelectType": ["str"]}, source.choice(_ENCODERS)])
        if source.random() < 0.4:
            branches.append(source.choice(_EXTRACTORS))
        front = [{"union": branches}] if len(branches) > 1 else branches[0]
        last = [source.choice(_PLAIN_SCALERS)] if source.random() < 0.3 else []
        return [*steps, *front, *last, self._answering(0)]

    def _scalers(self) -> list[Declared]:
        return self._source.sample(_SCALERS, self._source.randrange(1, 3))

    def _tree(self) -> Declared:
        return self._source.choice(_REGRESSION_TREES if self._task == "regression" else _TREES)

    def _answering(self, depth: int) -> Declared:
        if depth < MAX_DEPTH and self._source.random() < 0.4:
            return self._wrapped(depth + 1)
        return self._source.choice([self._plain, self._linear, self._tree])()

    def _plain(self) -> Declared:
        if self._task == "regression":
            return self._source.choice(_REGRESSORS)
        if self._task == "multiclass" or self._source.random() < 0.4:
            return self._source.choice(_CLASSIFIERS)
        return self._source.choice(_BINARY)

    def _linear(self) -> Declared:
        source = self._source
        arguments: dict[str, Declared] = {"optimizer": source.choice(_OPTIMIZERS)}
        if source.random() < 0.3:
            arguments["l2"] = 0.01
        if self._task == "regression":
            arguments["loss"] = source.choice(["optim.losses.Huber", "optim.losses.Squared"])
            return {"linear_model.LinearRegression": arguments}
        linear = {"linear_model.LogisticRegression": arguments}
        if self._task == "binary":
            return linear
        around = source.choice(["OneVsRestClassifier", "OneVsOneClassifier"])
        return {f"multiclass.{around}": [linear]}

    def _wrapped(self, depth: int) -> Declared:
        source, inner = self._source, lambda: self._answering(depth)
        seed = source.randrange(100)
        if self._task == "regression":
            wrappers: list[Declared] = [
                {"ensemble.BaggingRegressor": {"model": inner(), "n_models": 2, "seed": seed}},
                {"ensemble.EWARegressor": {"models": [inner(), inner()]}},
                {"ensemble.SRPRegressor": {"model": self._tree(), "n_models": 2, "seed": seed}},
                {"preprocessing.TargetStandardScaler": {"regressor": inner()}},
                {"preprocessing.PredClipper": {"regressor": inner(), "y_min": -3, "y_max": 3}},
                {"imblearn.HardSamplingRegressor": {"regressor": inner(), "size": 9, "p": 0.3, "seed": seed}},
                {"model_selection.GreedyRegressor": {"models": [inner(), inner()]}},
                {"conf.RegressionJackknife": {"regressor": inner(), "window_size": 7}},
            ]
            return source.choice(wrappers)
        several = [inner(), inner()]
        wrappers = [
            {"ensemble.BaggingClassifier": {"model": inner(), "n_models": 2, "seed": seed}},
            {"ensemble.ADWINBaggingClassifier": {"model": inner(), "n_models": 2, "seed": seed}},
            {"ensemble.LeveragingBaggingClassifier": {"model": inner(), "n_models": 2, "seed": seed}},
            {"ensemble.AdaBoostClassifier": {"model": inner(), "n_models": 2, "seed": seed}},
            {"ensemble.SRPClassifier": {"model": self._tree(), "n_models": 2, "seed": seed}},
            {"ensemble.VotingClassifier": {"models": several}},
            {"ensemble.StackingClassifier": {"models": several, "meta_classifier": self._tree()}},
            {
                "drift.DriftRetrainingClassifier": {
                    "model": inner(),
                    "drift_detector": source.choice(_DETECTORS),
                }
            },
            {"imblearn.HardSamplingClassifier": {"classifier": inner(), "size": 9, "p": 0.3, "seed": seed}},
            {
                "model_selection.BanditClassifier": {
                    "models": several,
                    "metric": "metrics.Accuracy",
                    "policy": {"bandit.EpsilonGreedy": {"epsilon": 0.2, "seed": seed}},
                }
            },
        ]
        return source.choice(wrappers)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A spec that fits, and the examples for it."""

    spec: ModelSpec
    examples: list[tuple[Features, Label]]


def random_pipeline(seed: int, events: int) -> Pipeline:
    """The pipeline of `seed`, the same at every call."""
    source = random.Random(seed)
    task = source.choice(["binary", "binary", "multiclass", "regression"])
    types = {"binary": ["bool", "int", "category"], "multiclass": ["int", "category"]}
    metrics = {"binary": "Accuracy", "multiclass": "Accuracy", "regression": "MAE"}
    while True:
        label = source.choice(types[task]) if task in types else "float"
        spec = ModelSpec.model_validate(
            {
                "name": f"fuzz-{seed}",
                "task": task,
                "model": _Builder(source, task).model(),
                "label": {"type": label},
                "metrics": [metrics[task]],
            }
        )
        try:
            check_model(spec)
        except ValueError:
            # Not every part learns every type of label.
            continue
        return Pipeline(spec, list(_examples(source, spec, events)))


def _examples(source: random.Random, spec: ModelSpec, events: int) -> Iterator[tuple[Features, Label]]:
    """Rows with numbers and texts, in which features are missing, come up later, and take new values."""
    for i in range(events):
        row: dict[str, Any] = {f"f{j}": source.gauss(0, 1) for j in range(4)}
        total = row["f0"] - row["f1"] * (1 if i < events // 2 else -1)
        row["f3"] = source.choice([row["f3"], int(row["f3"]), row["f3"] > 0])
        row["colour"] = source.choice("rgbcmyk"[: 2 + 6 * i // events])
        row["shape"] = source.choice(["round", "square"])
        row["words"] = " ".join(source.choices(["to", "the", "river", "bank", "sea"], k=3))
        if i > events // 3:
            row[f"new{source.randrange(3)}"] = source.random()
        for name in list(row):
            if source.random() < 0.05:
                del row[name]
        yield row, _label(spec, total, len(row), i)


def _label(spec: ModelSpec, total: float, size: int, i: int) -> Label:
    if spec.task == "regression":
        return total / 2 + size / 10
    if spec.task == "binary":
        positive = total > 0
        return {"bool": positive, "int": int(positive)}.get(spec.label_type, "yes" if positive else "no")
    # Labels whose order in a set depends on how they came into it, and a new one half-way.
    rank = (total > -0.7) + (total > 0.7) + (i > 30 and size % 2)
    return 8 * rank if spec.label_type == "int" else ("low", "middle", "high", "odd")[rank]
