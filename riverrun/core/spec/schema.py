"""The JSON schema of model specs, for editors and other tools."""

from __future__ import annotations

from typing import Any, get_args

from riverrun.core.catalogue import ClassEntry, river_catalogue
from riverrun.core.spec.features import MAX_FEATURES, FeatureType
from riverrun.core.spec.model_spec import ModelSpec
from riverrun.core.spec.torch_models import TORCH_MODELS
from riverrun.core.spec.torch_optimizers import OPTIMIZERS

_SIMPLE: dict[str, dict[str, Any]] = {
    "float": {"type": "number"},
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "str": {"type": "string"},
    "none": {"type": "null"},
    "list": {"type": "array"},
    "tuple": {"type": "array"},
    "set": {"type": "array"},
    "dict": {"type": "object"},
    "type": {"enum": ["float", "int", "bool", "str", "number"]},
    "class": {"type": "string"},
}


def json_schema() -> dict[str, Any]:
    """What a spec may hold, as JSON schema (draft 2020-12). A spec that fits it can still be refused by
    `parse_spec`, which also knows how parts go together."""
    catalogue = river_catalogue()
    schema = ModelSpec.model_json_schema()
    definitions = schema.setdefault("$defs", {})
    for kind in TORCH_MODELS.values():
        declared = kind.model_json_schema(ref_template="#/$defs/{model}")
        definitions |= declared.pop("$defs")
        optimizers = {name: {"$ref": f"#/$defs/{name}"} for name in OPTIMIZERS}
        declared["properties"]["optimizer"] = _one_of(optimizers)
        definitions[kind.__name__] = declared
    metrics = {n: e for n, e in catalogue.classes.items() if n.startswith("metrics.") and not e.refused}
    definitions["Object"] = _one_of(
        {name: _arguments(entry) for name, entry in catalogue.classes.items() if not entry.refused}
        | {"union": {"type": "array", "items": {"$ref": "#/$defs/Steps"}, "minItems": 1}}
    )
    definitions["Steps"] = {
        "anyOf": [
            {"$ref": "#/$defs/Object"},
            {"type": "array", "items": {"$ref": "#/$defs/Steps"}, "minItems": 1},
        ]
    }
    definitions["Metric"] = _one_of({n.removeprefix("metrics."): _arguments(e) for n, e in metrics.items()})
    properties = schema["properties"]
    properties["model"] = {
        "description": f"For river, steps of River {catalogue.river} in order; for torch, one of "
        f"{', '.join(TORCH_MODELS)} with its arguments.",
        "anyOf": [
            {"$ref": "#/$defs/Steps"},
            *(
                {
                    "type": "object",
                    "properties": {name: {"$ref": f"#/$defs/{kind.__name__}"}},
                    "required": [name],
                }
                for name, kind in TORCH_MODELS.items()
            ),
        ],
    }
    properties["slices"]["items"] = {"anyOf": [{"type": "string"}, properties["slices"]["items"]]}
    properties["metrics"] = {"type": "array", "items": {"$ref": "#/$defs/Metric"}}
    feature = {"anyOf": [{"enum": sorted(get_args(FeatureType))}, {"$ref": "#/$defs/FeatureSpec"}]}
    properties["features"] = {
        "type": "object",
        "additionalProperties": feature,
        "maxProperties": MAX_FEATURES,
    }
    _drop_defaults(schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "riverrun model spec",
    }


def _drop_defaults(node: Any) -> None:
    """Take away defaults: pydantic gives them as they are kept, durations in seconds, not as written."""
    if isinstance(node, dict):
        if "type" in node or "$ref" in node or "anyOf" in node:
            node.pop("default", None)
        for value in node.values():
            _drop_defaults(value)
    elif isinstance(node, list):
        for value in node:
            _drop_defaults(value)


def _one_of(named: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A name alone, or a mapping of one name to its arguments."""
    return {
        "anyOf": [
            {"enum": sorted(named)},
            {
                "type": "object",
                "properties": named,
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1,
            },
        ]
    }


def _arguments(entry: ClassEntry) -> dict[str, Any]:
    by_name: dict[str, Any] = {
        "type": "object",
        "properties": {parameter.name: _value(parameter.kinds) for parameter in entry.parameters},
        "additionalProperties": entry.any_keyword,
    }
    required = [parameter.name for parameter in entry.parameters if parameter.required]
    if required:
        by_name["required"] = required
    in_order: dict[str, Any] = {"type": "array"}
    places = [_value(parameter.kinds) for parameter in entry.parameters if not parameter.keyword_only]
    if places:
        in_order["prefixItems"] = places
    in_order["items"] = False if entry.more is None else _value(entry.more)
    return {"anyOf": [by_name, in_order, {"type": "null"}]}


def _value(kinds: tuple[str, ...]) -> dict[str, Any]:
    if "any" in kinds:
        return {}
    choices: list[dict[str, Any]] = []
    for kind in kinds:
        if kind.startswith("list["):
            choices.append({"type": "array", "items": {"$ref": "#/$defs/Steps"}})
        elif kind[0].isupper():
            choices.append({"$ref": "#/$defs/Steps"})
        elif kind != "function":
            choices.append(_SIMPLE[kind.partition("[")[0]])
    unique = [choice for i, choice in enumerate(choices) if choice not in choices[:i]]
    return unique[0] if len(unique) == 1 else {"anyOf": unique}
