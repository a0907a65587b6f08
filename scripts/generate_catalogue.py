"""Write the catalogue of River's classes: `python scripts/generate_catalogue.py [--check]`.

The catalogue is what a model spec is checked against by processes that do not import River. It is made
from the library's own signatures, so it is run again when River's version changes; ``--check`` only
compares and exits 1 on a difference.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import pkgutil
import sys
from pathlib import Path
from typing import Any

import river
import river.api
from river import base, linear_model, metrics, naive_bayes, preprocessing

from riverrun.learners.river_allow_list import REFUSED
from scripts.parameter_kinds import kinds_of

TARGET = Path(__file__).parent.parent / "riverrun" / "core" / "catalogue" / "river.json"

_BASE_CLASS = "it is a base class, which does nothing by itself"
_NO_PART = "it is no part of a model"
# What a spec must not name, and why: modules, then building blocks that their owners make.
_NOT_DECLARED = {
    "bandit.datasets": _NO_PART,
    "bandit.envs": _NO_PART,
    "base": _BASE_CLASS,
    "compat": "it holds a model of another library",
    "datasets": _NO_PART,
    "drift.datasets": _NO_PART,
    "evaluate": _NO_PART,
    "linear_model.base": _BASE_CLASS,
    "metrics.base": "it is several metrics in one; list them under metrics",
    "neighbors.base": "it holds a function, which a spec cannot declare; use factory",
    "optim.Optimizer": _BASE_CLASS,
    "stream": _NO_PART,
    "tree.base": "trees make it for themselves",
    "tree.mondrian.MondrianTree": _BASE_CLASS,
    "tree.padded": "trees make it for themselves",
    "tree.split_criterion": "trees make it for themselves; name it in their argument split_criterion",
    "utils.SortedWindow": "models make it for themselves",
    "utils.VectorDict": "models make it for themselves",
}

# Classes a spec must not name, each with what to do instead.
_REFUSED = {
    "active.EntropySampler": "it asks which labels to get, and riverrun learns every label it is sent",
    "feature_extraction.RandomTreesEmbedding": REFUSED[
        "river.feature_extraction.kernel_approx.RandomTreesEmbedding"
    ],
    "metrics.ClassificationReport": "it is a report, not a number",
    "metrics.ConfusionMatrix": "it is a table, not a number",
    "metrics.Silhouette": "it judges clusterings only",
    "misc.ZstdClassifier": "it needs Python 3.14",
    "utils.TimeRolling": "it needs the time of each example, which learners are not given",
}


def public_classes() -> dict[str, type[Any]]:
    """Every concrete class that River's public modules export, by its shortest name below ``river``."""
    found: dict[type[Any], str] = {}
    for info in pkgutil.walk_packages(river.__path__, "river."):
        if any(part.startswith(("_", "test_")) for part in info.name.split(".")):
            continue
        try:
            module = importlib.import_module(info.name)
        except ModuleNotFoundError as error:
            # Adapters of other libraries; their modules are among those that cannot be declared.
            if (error.name or "river").startswith("river"):
                raise
            continue
        for exported in getattr(module, "__all__", ()):
            cls = getattr(module, exported, None)
            if not inspect.isclass(cls) or inspect.isabstract(cls) or getattr(cls, "_is_protocol", False):
                continue
            name = f"{info.name.removeprefix('river.')}.{exported}"
            found[cls] = min(found.get(cls, name), name, key=lambda known: (known.count("."), known))
    return {name: cls for cls, name in sorted(found.items(), key=lambda item: item[1])}


def entry(name: str, cls: type[Any]) -> dict[str, Any]:
    """What the catalogue says of one class."""
    parameters, more, keywords = [], None, False
    for parameter in _signature(cls):
        kinds = kinds_of(name, parameter)
        if parameter.kind is parameter.VAR_POSITIONAL:
            more = kinds
        elif parameter.kind is parameter.VAR_KEYWORD:
            keywords = True
        else:
            described: dict[str, Any] = {"name": parameter.name, "kinds": kinds}
            if parameter.default is parameter.empty:
                described["required"] = True
            if parameter.kind is parameter.KEYWORD_ONLY:
                described["keyword_only"] = True
            parameters.append(described)
    made: dict[str, Any] = {"is": _ancestors(cls), "parameters": parameters}
    if more is not None:
        made["more"] = more
    if keywords:
        made["any_keyword"] = True
    refused = _REFUSED.get(name) or _refused_function(parameters)
    if refused:
        return made | {"refused": refused}
    multiclass = _multiclass(cls, parameters)
    if multiclass is not None:
        made["multiclass"] = multiclass
        if cls.predict_proba_one is base.Classifier.predict_proba_one:
            made["probabilities"] = False
    if issubclass(cls, metrics.base.ClassificationMetric) and not cls.__new__(cls).requires_labels:
        made["probabilities"] = True
    return made


def catalogue() -> dict[str, Any]:
    """The whole catalogue, as JSON holds it."""
    public = public_classes()
    classes = {name: entry(name, cls) for name, cls in public.items() if not _is_left_out(name)}
    return {"river": river.__version__, "classes": classes, "not_declared": _NOT_DECLARED}


def as_text(made: dict[str, Any]) -> str:
    """The catalogue's text: one line a class, so that a new version of River reads well as a diff."""
    lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in made["classes"].items()]
    reasons = [f"  {json.dumps(name)}: {json.dumps(reason)}" for name, reason in made["not_declared"].items()]
    head = f'{{"river": {json.dumps(made["river"])}, "classes": {{\n'
    return head + ",\n".join(lines) + '\n}, "not_declared": {\n' + ",\n".join(reasons) + "\n}}\n"


def _is_left_out(name: str) -> bool:
    return any(f"{name}.".startswith(f"{prefix}.") for prefix in _NOT_DECLARED)


def _signature(cls: type[Any]) -> list[inspect.Parameter]:
    if cls.__init__ is object.__init__ and "__new__" not in vars(cls):
        return []
    return list(inspect.signature(cls).parameters.values())


def _ancestors(cls: type[Any]) -> list[str]:
    names = [c.__name__ for c in cls.__mro__ if c.__module__.startswith(("river.", "river"))]
    return list(dict.fromkeys(names))


def _refused_function(parameters: list[dict[str, Any]]) -> str | None:
    needs = [p["name"] for p in parameters if p.get("required") and p["kinds"] == ["function"]]
    return (
        f"its argument {needs[0]} is a function; a spec declares data only, so use factory" if needs else None
    )


def _multiclass(cls: type[Any], parameters: list[dict[str, Any]]) -> bool | str | None:
    """Whether a classifier learns more than two classes; "nested" where its inner model decides."""
    if "Classifier" not in _ancestors(cls):
        return None
    if cls is river.model_selection.BanditClassifier:
        # It hands every label on to its models, but keeps the base class's answer.
        return "nested"
    answers = []
    for inner in (linear_model.LogisticRegression, naive_bayes.GaussianNB):
        arguments = {}
        for parameter in parameters:
            if parameter.get("required") or {"Classifier", "Estimator"} & set(parameter["kinds"]):
                arguments[parameter["name"]] = _sample(parameter, inner)
        answers.append(bool(cls(**arguments)._multiclass))
    return answers[0] if answers[0] == answers[1] else "nested"


def _sample(parameter: dict[str, Any], inner: Any) -> Any:
    kinds = parameter["kinds"]
    if any(kind.startswith("list[") for kind in kinds):
        return [inner(), preprocessing.StandardScaler() | inner()]
    if {"Classifier", "Estimator"} & set(kinds):
        return inner()
    if "ClassificationMetric" in kinds or "Metric" in kinds:
        return metrics.Accuracy()
    if "Policy" in kinds:
        return river.bandit.UCB(delta=1)
    if "dict" in kinds:
        return {True: 0.5, False: 0.5}
    return 10 if "int" in kinds else 0.5


def main() -> int:
    """Write or check the file; the exit status says whether it was as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 on a difference")
    text = as_text(catalogue())
    if parser.parse_args().check:
        same = TARGET.exists() and TARGET.read_text() == text
        print("the catalogue is up to date" if same else "run scripts/generate_catalogue.py")
        return 0 if same else 1
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
