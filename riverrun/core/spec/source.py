"""YAML text to a model spec, with errors that name the line."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from riverrun.core.catalogue import Misfit
from riverrun.core.errors import InvalidSpec
from riverrun.core.spec.misfits import as_misfit
from riverrun.core.spec.model_check import check_model
from riverrun.core.spec.model_spec import ModelSpec

MAX_SPEC_BYTES = 1 << 20
MAX_SPEC_NODES = 100_000


def parse_spec(text: str) -> ModelSpec:
    """The spec that `text` holds. Raises `InvalidSpec` with the key, what was expected and the line."""
    document = load_yaml(text)
    try:
        spec = ModelSpec.model_validate(plain(document))
        check_model(spec)
    except ValidationError as error:
        misfit = as_misfit(error)
        raise _invalid(misfit, document) from error
    except Misfit as misfit:
        raise _invalid(misfit, document) from misfit
    return spec


def _invalid(misfit: Misfit, document: CommentedMap) -> InvalidSpec:
    field = ".".join(map(str, misfit.path)) or "spec"
    return InvalidSpec(field, misfit.message, line_of(document, misfit.path))


def load_yaml(text: str) -> CommentedMap:
    """The mapping that `text` holds, knowing its lines. Raises `InvalidSpec`."""
    if len(text.encode()) > MAX_SPEC_BYTES:
        raise InvalidSpec("spec", f"expected at most {MAX_SPEC_BYTES} bytes")
    try:
        document = YAML(typ="rt").load(StringIO(text))
    except RecursionError as error:
        raise InvalidSpec("spec", "nested too deeply") from error
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "is not YAML"
        raise InvalidSpec("spec", f"not YAML: {problem}", None if mark is None else mark.line + 1) from error
    if not isinstance(document, CommentedMap):
        raise InvalidSpec("spec", "expected a mapping of keys, such as name: fraud")
    return document


def plain(node: Any) -> Any:
    """`node` as plain dicts, lists and scalars. Raises `InvalidSpec` for more than `MAX_SPEC_NODES`."""
    try:
        return _plain(node, itertools.count(1))
    except RecursionError as error:
        raise InvalidSpec("spec", "nested too deeply") from error


def _plain(node: Any, count: Iterator[int]) -> Any:
    # Aliases repeat what they point at, so a short text can stand for a very large value.
    if next(count) > MAX_SPEC_NODES:
        raise InvalidSpec("spec", f"expected at most {MAX_SPEC_NODES} values, aliases written out")
    if isinstance(node, Mapping):
        return {_key(key): _plain(value, count) for key, value in node.items()}
    if isinstance(node, Sequence) and not isinstance(node, str):
        return [_plain(value, count) for value in node]
    if isinstance(node, bool) or node is None:
        return node
    for kind in (str, int, float):
        if isinstance(node, kind):
            return kind(node)
    return node


def _key(key: Any) -> Any:
    if key is None or isinstance(key, (bool, int, float)):
        return key
    if isinstance(key, str):
        return str(key)
    raise InvalidSpec("spec", "expected keys that are text or numbers")


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
