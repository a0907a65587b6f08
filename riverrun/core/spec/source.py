"""YAML text to a model spec, with errors that name the line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from riverrun.core.errors import InvalidSpec
from riverrun.core.spec.model_spec import ModelSpec

MAX_SPEC_BYTES = 1 << 20


def parse_spec(text: str) -> ModelSpec:
    """The spec that `text` holds. Raises `InvalidSpec` with the key, what was expected and the line."""
    document = load_yaml(text)
    try:
        return ModelSpec.model_validate(plain(document))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = [part for part in first["loc"] if not str(part).startswith("function-")]
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            message = "unknown key"
        raise InvalidSpec(".".join(map(str, path)) or "spec", message, line_of(document, path)) from error


def load_yaml(text: str) -> CommentedMap:
    """The mapping that `text` holds, knowing its lines. Raises `InvalidSpec`."""
    if len(text.encode()) > MAX_SPEC_BYTES:
        raise InvalidSpec("spec", f"expected at most {MAX_SPEC_BYTES} bytes")
    try:
        document = YAML(typ="rt").load(StringIO(text))
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "is not YAML"
        raise InvalidSpec("spec", f"not YAML: {problem}", None if mark is None else mark.line + 1) from error
    if not isinstance(document, CommentedMap):
        raise InvalidSpec("spec", "expected a mapping of keys, such as name: fraud")
    return document


def plain(node: Any) -> Any:
    """`node` as plain dicts, lists and scalars."""
    if isinstance(node, Mapping):
        return {str(key) if isinstance(key, str) else key: plain(value) for key, value in node.items()}
    if isinstance(node, Sequence) and not isinstance(node, str):
        return [plain(value) for value in node]
    if isinstance(node, bool) or node is None:
        return node
    for kind in (str, int, float):
        if isinstance(node, kind):
            return kind(node)
    return node


def line_of(document: Any, path: Sequence[str | int]) -> int | None:
    """The 1-based line of the deepest part of `path` that is in `document`; None if none is."""
    line: int | None = None
    node = document
    for part in path:
        try:
            if isinstance(node, CommentedMap):
                line = node.lc.key(part)[0] + 1
            elif isinstance(node, CommentedSeq):
                line = node.lc.item(part)[0] + 1
            node = node[part]
        except (KeyError, IndexError, TypeError, AttributeError):
            break
    return line
