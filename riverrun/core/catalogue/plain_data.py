"""Arguments that are data: scalars, and lists and mappings of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from riverrun.core.catalogue.declaration import Misfit, Path

MAX_DEPTH = 32
"""How deep a declaration, or data in it, may be nested."""


def is_plain(value: Any, kinds: Sequence[str]) -> bool:
    """Whether `value` is a scalar that one of `kinds` takes as it is."""
    match value:
        case None:
            return "none" in kinds
        case bool():
            return "bool" in kinds or "any" in kinds
        case int():
            return "int" in kinds or "float" in kinds or "any" in kinds
        case float():
            return ("float" in kinds or "any" in kinds) and math.isfinite(value)
        case str():
            return "str" in kinds
    return False


def read_mapping(value: Mapping[Any, Any], kinds: Sequence[str], path: Path) -> dict[Any, Any] | None:
    """`value` as plain data, where one of `kinds` takes a mapping; None where none does."""
    for kind in kinds:
        if kind == "any" or kind.partition("[")[0] == "dict":
            check_data(value, path, 0)
            return {key: _nested(item, kind, (*path, key)) for key, item in value.items()}
    return None


def _nested(value: Any, kind: str, path: Path) -> Any:
    if kind in ("dict[set]", "dict[tuple]"):
        if not isinstance(value, list):
            raise Misfit(path, "expected a list")
        return as_set(value, path) if kind == "dict[set]" else tuple(value)
    return value


def as_set(value: list[Any], path: Path) -> set[Any]:
    """`value` as a set. Raises `Misfit` for items that cannot be in one."""
    if any(isinstance(item, (list, Mapping)) for item in value):
        raise Misfit(path, "expected a list of numbers and strings")
    return set(value)


def check_data(value: Any, path: Path, depth: int) -> None:
    """Raise `Misfit` unless `value` is lists and mappings of finite numbers, strings and the like."""
    if depth > MAX_DEPTH:
        raise Misfit(path, f"nested more than {MAX_DEPTH} deep")
    match value:
        case Mapping():
            for key, item in value.items():
                check_data(item, (*path, key), depth + 1)
        case list():
            for i, item in enumerate(value):
                check_data(item, (*path, i), depth + 1)
        case float() if not math.isfinite(value):
            raise Misfit(path, "expected a finite number")
        case None | bool() | int() | float() | str():
            return
        case _:
            raise Misfit(path, "expected a number, a string, a list or a mapping")
