"""Declarations of River's classes with the simplest arguments that fit, and what specs make of them."""

from __future__ import annotations

from typing import Any, get_args

from riverrun.core.catalogue import ClassEntry, Misfit, river_catalogue
from riverrun.core.spec.model_check import check_model
from riverrun.core.spec.model_spec import ModelSpec, TaskName

TASKS: tuple[str, ...] = get_args(TaskName)

_ARGUMENTS: dict[str, Any] = {
    "Classifier": "naive_bayes.GaussianNB",
    "Regressor": "linear_model.LinearRegression",
    "list[Classifier]": ["naive_bayes.GaussianNB", "tree.HoeffdingTreeClassifier"],
    "list[Regressor]": ["linear_model.LinearRegression", "tree.HoeffdingTreeRegressor"],
    "ClassificationMetric": "metrics.Accuracy",
    "RegressionMetric": "metrics.MAE",
    "Policy": {"bandit.UCB": {"delta": 1, "seed": 1}},
    "Univariate": "stats.Mean",
    "dict": {True: 0.5, False: 0.5},
    "float": 0.5,
    "int": 10,
    "str": "x",
    "list": ["x"],
    "class": "stats.Mean",
    "BaseTransformer": "preprocessing.StandardScaler",
    "AnomalyDetector": "anomaly.HalfSpaceTrees",
    "Bivariate": "stats.PearsonCorr",
    "Optimizer": "optim.SGD",
    "Loss": "optim.losses.Log",
}
_NEEDS_MORE = {"misc.Skyline": {"minimize": ["price"]}}
_STEPS = {"compose.Pipeline", "compose.TransformerUnion", "compose.TransformerProduct"}
# Base classes that say too little: nearly everything is one.
_ANY = {"Base", "Estimator", "Wrapper", "Ensemble", "WrapperEnsemble", "Statistic"}


def declared(name: str, base: str) -> dict[str, Any]:
    """The class `name`, around models that are a `base` where it wraps some."""
    if name in _STEPS:
        last = _ARGUMENTS[base] if name == "compose.Pipeline" else "preprocessing.MinMaxScaler"
        return {name: ["preprocessing.StandardScaler", last]}
    entry = river_catalogue().classes[name]
    arguments: dict[str, Any] = {"seed": 7} if entry.parameter("seed") else {}
    for parameter in entry.parameters:
        if not parameter.required:
            continue
        kinds = list(parameter.kinds)
        if "list[Estimator]" in kinds:
            kinds = [f"list[{base}]"]
        elif "Estimator" in kinds:
            kinds = [base]
        elif "Metric" in kinds:
            kinds = ["ClassificationMetric" if base == "Classifier" else "RegressionMetric"]
        arguments[parameter.name] = next(_ARGUMENTS[kind] for kind in kinds if kind in _ARGUMENTS)
    return {name: arguments | _NEEDS_MORE.get(name, {})}


def places(name: str) -> list[str]:
    """Where a spec can name `name`: as the model of which tasks, as a step before it, as an argument, among
    the metrics. Empty where it can nowhere."""
    entry = river_catalogue().classes[name]
    if entry.refused:
        return []
    bases = ("Classifier", "Regressor")
    tasks = [task for task in TASKS if any(_fits(task, declared(name, base)) for base in bases)]
    found = [f"model ({', '.join(tasks)})"] if tasks else []
    step: Any = declared(name, "Regressor")
    if not tasks and _fits("regression", [step, "linear_model.LinearRegression"]):
        found.append("step")
    if any(_is_metric(task, name) for task in TASKS):
        found.append("metric")
    if _is_argument(entry):
        found.append("argument")
    return found


def _fits(task: str, model: Any, **more: Any) -> bool:
    try:
        check_model(ModelSpec.model_validate({"name": "zoo", "task": task, "model": model, **more}))
    except Misfit:
        return False
    return True


def _is_metric(task: str, name: str) -> bool:
    model = "linear_model.LinearRegression" if task == "regression" else "naive_bayes.GaussianNB"
    ((_, arguments),) = declared(name, "Classifier").items()
    return name.startswith("metrics.") and _fits(task, model, metrics=[{name: arguments}])


def _is_argument(entry: ClassEntry) -> bool:
    wanted = entry.ancestors - _ANY
    return any(
        kind.removeprefix("list[").removesuffix("]") in wanted
        for other in river_catalogue().classes.values()
        if not other.refused
        for parameter in other.parameters
        for kind in parameter.kinds
    )
