"""The feature schema of a spec: what a row may hold, checked value by value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from riverrun.core.catalogue import Misfit
from riverrun.core.errors import InvalidInput
from riverrun.core.predictions import FeatureValue
from riverrun.core.spec.policies import SpecPart

FeatureType = Literal["float", "int", "bool", "category", "text"]

MAX_FEATURES = 10_000
MAX_TEXT = 65_536


class FeatureSpec(SpecPart):
    """One feature: its type, and bounds for numbers. A feature may be missing unless `required`.

    float takes any finite number; int a whole number of 64 bits; category and text a string (text may be
    up to 64 Ki characters, a category 1 Ki). `min` and `max` are inclusive and go with float and int.
    """

    type: FeatureType
    min: float | None = None
    max: float | None = None
    required: bool = False

    @model_validator(mode="after")
    def _bounds_fit(self) -> FeatureSpec:
        bounds = [bound for bound in (self.min, self.max) if bound is not None]
        if bounds and self.type not in ("float", "int"):
            raise ValueError("min and max go with float and int only")
        if not all(math.isfinite(bound) for bound in bounds):
            raise ValueError("min and max must be finite")
        if len(bounds) == 2 and bounds[0] > bounds[1]:
            raise Misfit(("min",), "is above max")
        return self

    def check(self, path: str, value: Any) -> FeatureValue:
        """`value` as this feature takes it. Raises `InvalidInput` naming `path`."""
        if value is None:
            if self.required:
                raise InvalidInput(path, "is required")
            return None
        match self.type:
            case "float":
                return self._bounded(path, finite_number(path, value))
            case "int":
                if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
                    raise InvalidInput(path, f"expected a whole number of 64 bits, got {shown(value)}")
                self._bounded(path, value)
                return value
            case "bool":
                if not isinstance(value, bool):
                    raise InvalidInput(path, f"expected true or false, got {shown(value)}")
                return value
            case "category" | "text":
                limit = MAX_TEXT if self.type == "text" else 1024
                if not isinstance(value, str) or len(value) > limit:
                    raise InvalidInput(
                        path, f"expected a string of at most {limit} characters, got {shown(value)}"
                    )
                return value

    def _bounded(self, path: str, value: float) -> float:
        if self.min is not None and value < self.min:
            raise InvalidInput(path, f"expected at least {self.min:g}, got {shown(value)}")
        if self.max is not None and value > self.max:
            raise InvalidInput(path, f"expected at most {self.max:g}, got {shown(value)}")
        return value


def _short_form(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


Feature = Annotated[FeatureSpec, BeforeValidator(_short_form)]
FeatureSchema = Annotated[Mapping[str, Feature], Field(max_length=MAX_FEATURES)]


def check_features(schema: Mapping[str, FeatureSpec] | None, features: Any) -> dict[str, FeatureValue]:
    """`features` as the learner takes them: every value checked, missing ones (None) left out.

    Without a schema any finite number, bool or string is taken. Raises `InvalidInput` naming the
    feature as ``features.NAME`` and what was expected.
    """
    if not isinstance(features, Mapping):
        raise InvalidInput("features", f"expected an object of features by name, got {shown(features)}")
    if len(features) > MAX_FEATURES:
        raise InvalidInput("features", f"expected at most {MAX_FEATURES} features, got {len(features)}")
    checked: dict[str, FeatureValue] = {}
    if schema is None:
        for name, value in features.items():
            if not isinstance(name, str):
                raise InvalidInput("features", f"expected names that are strings, got {shown(name)}")
            if value is not None:
                checked[name] = _check_untyped(f"features.{name}", value)
        return checked
    for name, value in features.items():
        feature = schema.get(name)
        if feature is None:
            raise InvalidInput(f"features.{shown_name(name)}", f"unknown feature; known: {_listed(schema)}")
        value = feature.check(f"features.{name}", value)
        if value is not None:
            checked[name] = value
    if len(checked) < len(schema):
        for name, feature in schema.items():
            if feature.required and name not in checked:
                raise InvalidInput(f"features.{name}", "is required")
    return checked


def finite_number(path: str, value: Any) -> float:
    """`value` as it came, if it is a finite number; raises `InvalidInput` naming `path`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidInput(path, f"expected a number, got {shown(value)}")
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite:
        raise InvalidInput(path, f"expected a finite number, got {shown(value)}")
    return value


def shown(value: Any) -> str:
    """`value` short enough for an error message, with its kind where that helps."""
    match value:
        case str():
            return repr(value if len(value) <= 40 else value[:40] + "…")
        case Mapping():
            return "an object"
        case list() | tuple():
            return "a list"
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() if abs(value) >= 10**30:
            return "a very large whole number"
    return str(value)[:60]


def shown_name(name: Any) -> str:
    """A feature's name short enough for an error message."""
    text = str(name)
    return text if len(text) <= 64 else text[:64] + "…"


def _check_untyped(path: str, value: Any) -> FeatureValue:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise InvalidInput(path, f"expected a string of at most {MAX_TEXT} characters")
        return value
    if isinstance(value, (int, float)):
        return finite_number(path, value)
    raise InvalidInput(path, f"expected a number, true, false or a string, got {shown(value)}")


def _listed(names: Mapping[str, Any]) -> str:
    first = sorted(names)[:20]
    return ", ".join(first) + (", …" if len(names) > len(first) else "")
