"""Whether ``model:``, ``metrics:`` and ``drift:`` of a spec make sense, as far as data can tell."""

from __future__ import annotations

from collections.abc import Mapping

from riverrun.core.catalogue import Construct, Misfit, read_declaration, read_metric, river_catalogue
from riverrun.core.errors import InvalidInput
from riverrun.core.spec.drift_check import drift_declarations
from riverrun.core.spec.model_spec import ModelSpec
from riverrun.core.spec.precision_check import check_precision
from riverrun.core.spec.torch_models import torch_declaration

_MODEL_BASES: Mapping[str, tuple[str, str]] = {
    "binary": ("Classifier", "linear_model.LogisticRegression"),
    "multiclass": ("Classifier", "naive_bayes.GaussianNB"),
    "regression": ("Regressor", "linear_model.LinearRegression"),
}
# These are classifiers and regressors by their base class, but answer with several values or other things.
_NO_SINGLE_ANSWER = frozenset({"MultiLabelClassifier", "MultiTargetRegressor", "Ranker", "Forecaster"})


def check_model(spec: ModelSpec) -> None:
    """Raises `Misfit` where the model, a metric or a detector cannot be built, or does not fit the task."""
    model = None
    if spec.factory is None:
        if spec.learner == "river":
            declared = river_declaration(spec)
            check_precision(spec, declared)
            model = declared.last
        else:
            torch_declaration(spec)
    for metric in metric_declarations(spec):
        if model is not None and model.entry.probabilities is False and metric.entry.probabilities:
            raise Misfit(metric.path, f"judges probabilities, and {model.name} gives none")
    drift_declarations(spec)


def river_declaration(spec: ModelSpec) -> Construct:
    """The River model that `spec` declares. Raises `Misfit`."""
    declared = read_declaration(spec.model, river_catalogue())
    answers = declared.last
    base, usual = _MODEL_BASES[spec.task]
    if not answers.fits([base]) or answers.fits(list(_NO_SINGLE_ANSWER)):
        raise Misfit(
            answers.path,
            f"{answers.name} cannot answer a {spec.task} task; expected a {base} such as {usual}",
        )
    if spec.is_classifier and not declared.multiclass:
        if spec.task == "multiclass":
            raise Misfit(
                answers.path,
                f"{answers.name} learns two classes only; put it in multiclass.OneVsRestClassifier, "
                f"or use a classifier such as {usual}",
            )
        if spec.label_type == "category":
            raise Misfit(
                answers.path,
                f"{answers.name} learns true and false only, and label.type is category; "
                "send bool labels, or use a classifier such as naive_bayes.GaussianNB",
            )
    return declared


def metric_declarations(spec: ModelSpec) -> tuple[Construct, ...]:
    """The metrics of `spec`, in order. Raises `Misfit` for an unknown one and one that does not fit."""
    declared = []
    for i, item in enumerate(spec.metrics):
        metric = read_metric(item, river_catalogue(), ("metrics", i))
        _check_metric(spec, metric)
        declared.append(metric)
    names = spec.metric_names
    for i, name in enumerate(names):
        if name in names[:i]:
            raise Misfit(("metrics", i), f"{name} is given twice")
    return tuple(declared)


def _check_metric(spec: ModelSpec, metric: Construct) -> None:
    is_multi_output = metric.fits(["MultiOutputClassificationMetric", "MultiOutputRegressionMetric"])
    wanted = "ClassificationMetric" if spec.is_classifier else "RegressionMetric"
    positive = metric.argument("pos_val")
    two_class = metric.fits(["BinaryMetric"])
    only_two = two_class and positive is None
    if not metric.fits([wanted]) or is_multi_output or (only_two and spec.task == "multiclass"):
        usual = {"binary": "ROCAUC", "multiclass": "MacroF1", "regression": "MAE"}[spec.task]
        raise Misfit(metric.path, f"does not judge a {spec.task} task; expected a metric such as {usual}")
    if two_class and spec.label_type == "category" and positive is None:
        if metric.entry.parameter("pos_val") is None:
            raise Misfit(metric.path, "judges true and false only; of other labels CrossEntropy does")
        raise Misfit(metric.path, "needs pos_val, the label that counts as positive")
    if positive is not None:
        try:
            spec.check_label(positive, "pos_val")
        except InvalidInput as error:
            raise Misfit((*metric.path, "pos_val"), error.expected) from error
