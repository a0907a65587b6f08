"""The JSON schema covers what a spec may say. No validator is run over it here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from riverrun.core.catalogue import river_catalogue
from riverrun.core.spec import ModelSpec
from riverrun.core.spec.schema import json_schema


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from nodes(value)
    elif isinstance(node, list):
        for value in node:
            yield from nodes(value)


def test_it_is_json_and_every_reference_leads_somewhere() -> None:
    schema = json.loads(json.dumps(json_schema()))

    targets = {node["$ref"] for node in nodes(schema) if isinstance(node.get("$ref"), str)}

    assert targets <= {f"#/$defs/{name}" for name in schema["$defs"]}


def test_every_key_of_a_spec_is_in_it() -> None:
    assert json_schema()["properties"].keys() == ModelSpec.model_fields.keys()


def test_every_class_that_may_be_named_is_in_it_with_its_arguments() -> None:
    names, by_name = json_schema()["$defs"]["Object"]["anyOf"]

    allowed = {name for name, entry in river_catalogue().classes.items() if not entry.refused}

    assert set(names["enum"]) == allowed | {"union"}
    sgd = by_name["properties"]["optim.SGD"]["anyOf"][0]
    assert sgd["properties"]["lr"]["anyOf"][0] == {"type": "integer"}
    assert sgd["additionalProperties"] is False
    bagging = by_name["properties"]["ensemble.BaggingClassifier"]["anyOf"][0]
    assert bagging["required"] == ["model"]


def test_durations_are_text_as_they_are_written() -> None:
    window = json_schema()["$defs"]["LabelSpec"]["properties"]["lateness"]

    assert window["type"] == "string"
    assert "default" not in window
