"""Changing policy keys in a spec's YAML: everything else stays as its author wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.util import load_yaml_guess_indent

from riverrun.core.errors import InvalidInput
from riverrun.core.spec.source import load_yaml, plain

POLICIES = (
    "publish",
    "sync",
    "metrics",
    "predictions",
    "retrain",
    "gate",
    "holdout",
    "slices",
    "sources",
    "evaluation",
    "label.window",
    "label.lateness",
    "label.silence",
    "label.early_after",
    "label.corrections",
    "label.clock",
)
"""Keys that change in place; any other opens a new line, which takes a whole new spec (DECISIONS 5)."""


def policies(spec_yaml: str) -> dict[str, Any]:
    """The policy keys that `spec_yaml` sets, flattened: ``publish.every`` -> ``1s``."""
    document = plain(load_yaml(spec_yaml))
    found: dict[str, Any] = {}
    for policy in POLICIES:
        value = _get(document, policy.split("."))
        if isinstance(value, dict):
            found |= {f"{policy}.{key}": inner for key, inner in value.items()}
        elif value is not None:
            found[policy] = value
    return found


def with_policies(spec_yaml: str, changes: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """`spec_yaml` with `changes` made, and what was there before (None for a key that was not set).

    A value of None removes the key. Comments, order and quotes stay. Raises `InvalidInput` for a key that
    is no policy; whether the values make sense is for `parse_spec` to say.
    """
    load_yaml(spec_yaml)  # says what is wrong with the text, with its line, if anything is
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 10_000
    document, sequence, offset = load_yaml_guess_indent(spec_yaml, yaml=yaml)
    yaml.indent(mapping=_mapping_indent(document), sequence=sequence or 2, offset=offset or 0)
    before = {key: _set(document, key, value) for key, value in changes.items()}
    out = StringIO()
    yaml.dump(document, out)
    return out.getvalue(), before


def parse_value(text: str) -> Any:
    """`text` as YAML reads a value: ``10`` is a number, ``1s`` a string, ``null`` None."""
    try:
        return plain(YAML(typ="safe", pure=True).load(text))
    except Exception as error:
        raise InvalidInput("value", f"not YAML: {text[:60]!r}") from error


def _mapping_indent(document: CommentedMap) -> int:
    blocks = (value for value in document.values() if isinstance(value, CommentedMap))
    return next((block.lc.col for block in blocks if not block.fa.flow_style()), 2) or 2


def _set(document: CommentedMap, key: str, value: Any) -> Any:
    path = key.split(".")
    if not any(key == policy or key.startswith(f"{policy}.") for policy in POLICIES) or not all(path):
        raise InvalidInput(key, f"is not a policy that can be set in place; those are: {', '.join(POLICIES)}")
    node = document
    for part in path[:-1]:
        if not isinstance(node.get(part), CommentedMap):
            if value is None:
                return None
            node[part] = CommentedMap()
            node[part].fa.set_flow_style()
        node = node[part]
    before = plain(node.get(path[-1]))
    if value is None:
        node.pop(path[-1], None)
        if not node and len(path) > 1:
            document.pop(path[0], None)
    else:
        node[path[-1]] = value
    return before


def _get(document: Any, path: list[str]) -> Any:
    for part in path:
        document = document.get(part) if isinstance(document, dict) else None
    return document
