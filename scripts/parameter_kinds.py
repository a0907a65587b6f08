"""What values a parameter of a River class takes: by its annotation, its default, or by hand."""

from __future__ import annotations

import ast
import inspect
import re

# Annotations that name no class of the catalogue, and parameters without an annotation.
_TERMS: dict[str, list[str]] = {
    "Any": ["any"],
    "Callable": ["function"],
    "DistanceFunc": ["function"],
    "FunctionWrapper": ["function"],
    "FeatureName": ["str", "int"],
    "ClfTarget": ["bool", "int", "str"],
    "Hashable": ["bool", "int", "str"],
    "Iterable": ["list"],
    "None": ["none"],
    "RewardObj": ["Metric", "Univariate", "Distribution"],
    "T": ["Estimator"],
    "_T": ["any"],
    "timedelta": ["function"],
    "type": ["type"],
}
_BUILTINS = {"float", "int", "bool", "str", "list", "dict", "tuple", "set"}
_BY_NAME: dict[str, list[str]] = {
    "anomaly_detector": ["AnomalyDetector"],
    "classifier": ["Classifier"],
    "classes": ["list", "none"],
    "cm": ["ConfusionMatrix", "none"],
    "gamma": ["float", "none"],
    "imputers": ["tuple"],
    "metric": ["Metric"],
    "models": ["list[Estimator]"],
    "betas": ["dict"],
    "weights": ["dict"],
    "pos_val": ["bool", "int", "str"],
    "beta": ["float"],
    "reward_obj": ["Metric", "Univariate", "Distribution", "none"],
    "reward_scaler": ["function", "none"],
    "seed": ["int", "none"],
    "steps": ["Estimator"],
    "transformers": ["BaseTransformer"],
    "window_size": ["int", "none"],
}
_BY_CLASS_AND_NAME: dict[tuple[str, str], list[str]] = {
    ("compose.Pipeline", "steps"): ["Estimator", "Transformer"],
    ("compose.SelectType", "types"): ["type"],
    ("feature_extraction.RBFSampler", "gamma"): ["float"],
    ("metrics.ConfusionMatrix", "classes"): ["set", "none"],
    ("preprocessing.Binarizer", "dtype"): ["type"],
    ("time_series.HoltWinters", "beta"): ["float", "none"],
    ("time_series.HoltWinters", "alpha"): ["float"],
    ("utils.Rolling", "cls"): ["class"],
}
_COUNTS = re.compile(
    r"^(n_.*|num_.*|max_.*|min_.*|k|degree|size|window_size|chunk_size|grace_period|clock|decimals|ddof"
    r"|height|tgap|burn_in.*|horizon|seasonality|vocab_.*|budget|eta|order|mode)$"
)


def kinds_of(owner: str, parameter: inspect.Parameter) -> list[str]:
    """The kinds of values that `parameter` of the class `owner` takes, as the catalogue names them."""
    given = _BY_CLASS_AND_NAME.get((owner, parameter.name))
    if given is not None:
        return given
    if parameter.annotation is not parameter.empty:
        kinds: list[str] = []
        for term in _terms(ast.parse(str(parameter.annotation), mode="eval").body):
            kinds += _term(term)
        if parameter.default is None:
            kinds.append("none")
        return list(dict.fromkeys(kinds))
    if parameter.name in _BY_NAME and not isinstance(parameter.default, (int, float)):
        return _BY_NAME[parameter.name]
    if parameter.name == "pos_val":
        return _BY_NAME["pos_val"]
    return _kinds_of_default(parameter)


def _kinds_of_default(parameter: inspect.Parameter) -> list[str]:
    match parameter.default:
        case bool():
            return ["bool"]
        case int():
            return ["int"] if _COUNTS.match(parameter.name) else ["float"]
        case float():
            return ["float"]
        case str():
            return ["str"]
        case tuple():
            return ["tuple"]
    return ["any"]


def _terms(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp):
        return [*_terms(node.left), *_terms(node.right)]
    return [node]


def _term(node: ast.expr) -> list[str]:
    match node:
        case ast.Constant(value=None):
            return ["none"]
        case ast.Subscript(value=outer, slice=inner):
            return _subscript(_last_name(outer), inner)
    name = _last_name(node)
    return [name] if name in _BUILTINS else _TERMS.get(name, [name])


def _subscript(outer: str, inner: ast.expr) -> list[str]:
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if outer in ("list", "Iterator"):
        kinds = [kind for term in _terms(parts[0]) for kind in _term(term)]
        estimators = [kind for kind in kinds if kind[0].isupper()]
        return [f"list[{estimators[0]}]"] if estimators else ["list"]
    if outer == "dict":
        value = parts[1].value if isinstance(parts[1], ast.Subscript) else None
        nested = _last_name(value) if value is not None else ""
        return [f"dict[{nested}]"] if nested in ("set", "tuple") else ["dict"]
    if outer in ("tuple", "set"):
        return [outer]
    return _TERMS.get(outer, [outer])


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
