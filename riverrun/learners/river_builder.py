"""River objects from the declaration that a spec was read into."""

from __future__ import annotations

import importlib
from typing import Any

from river import compose, metrics

from riverrun.core.catalogue import ClassName, Construct, Value
from riverrun.core.errors import InvalidSpec
from riverrun.core.spec.model_check import metric_declarations, river_declaration
from riverrun.core.spec.model_spec import ModelSpec
from riverrun.evaluation import AgainstRest, Metric, Prequential, RocAuc
from riverrun.learners.factories import Factories


def build_river_model(spec: ModelSpec, factories: Factories) -> Any:
    """A fresh River model, as `spec` declares it. Raises `InvalidSpec`."""
    if spec.factory is None:
        return build(river_declaration(spec))
    model = factories.load(spec.factory).make()
    for method in ("learn_one", "predict_one"):
        if not callable(getattr(model, method, None)):
            raise InvalidSpec("factory", f"made a {type(model).__name__}, which has no {method}")
    return model


def build_metrics(spec: ModelSpec) -> Prequential:
    """The metrics of `spec`, fresh. Raises `InvalidSpec`."""
    made = [_metric(declared) for declared in metric_declarations(spec)]
    return Prequential(dict(zip(spec.metric_names, made, strict=True)))


def build(value: Value) -> Any:
    """What `value` declares: objects made by their constructors, plain data copied."""
    match value:
        case Construct():
            return _construct(value)
        case ClassName():
            return _class(value.name)
        case list():
            return [build(item) for item in value]
        case tuple():
            return tuple(build(item) for item in value)
        case dict():
            return {key: build(item) for key, item in value.items()}
        case set():
            return set(value)
    return value


def last_step(model: Any) -> Any:
    """The estimator that answers: of a pipeline its last step, of anything else itself."""
    while isinstance(model, compose.Pipeline):
        model = next(reversed(model.steps.values()))
    return model


def _metric(declared: Construct) -> Metric:
    positive = declared.argument("pos_val")
    metric: Metric = build(declared.without("pos_val"))
    if isinstance(metric, metrics.ROCAUC):
        metric = RocAuc(metric.n_thresholds)
    return metric if positive is None else AgainstRest(metric, positive)


def _class(full_name: str) -> type[Any]:
    # Names come from the catalogue alone, never from the spec.
    module, _, name = full_name.rpartition(".")
    cls: type[Any] = getattr(importlib.import_module(f"river.{module}"), name)
    return cls


def _construct(declared: Construct) -> Any:
    cls = _class(declared.name)
    args = [build(value) for value in declared.args]
    kwargs = {key: build(value) for key, value in declared.kwargs.items()}
    try:
        made = cls(*args, **kwargs)
    except Exception as error:
        # The library's own words about the caller's own arguments are the best there are.
        said = str(error).strip().partition("\n")[0][:200] or type(error).__name__
        path = ".".join(map(str, declared.path))
        raise InvalidSpec(path, f"{declared.name} refuses its arguments: {said}") from error
    if isinstance(made, compose.Pipeline):
        # Made at the first prediction otherwise, which must change nothing.
        made._build_plan()
    return made
