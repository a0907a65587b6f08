"""Whether a River object is of the structure that a spec declares, whatever it has learned."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from river import anomaly, base, compose
from river.facto.base import BaseFM
from river.forest.adaptive_random_forest import BaseForest
from river.multioutput.chain import BaseChain
from river.tree.mondrian.mondrian_tree import MondrianTree

from riverrun.core.errors import InvalidInput

_Parts = list[tuple[str, object]]

_SCALARS = (bool, int, float, str, bytes, type(None))

_LEARNED: tuple[tuple[type[Any], str], ...] = (
    (BaseChain, "order"),
    (BaseFM, "intercept"),
    (BaseForest, "max_features"),
    (MondrianTree, "iteration"),
    (anomaly.HalfSpaceTrees, "limits"),
)
"""Arguments of constructors that learning puts something else in the place of; a test finds them."""


def check_likeness(found: object, declared: object) -> None:
    """Raise `InvalidInput` naming the first place where `found` is not built as `declared` is.

    Compared are types, and what constructors were given; names of steps and what was learned are not.
    """
    for path, words in _differences(found, declared, "model"):
        raise InvalidInput(path, words)


def _differences(found: object, declared: object, path: str) -> Iterator[tuple[str, str]]:
    if type(found) is not type(declared) and not _both_numbers(found, declared):
        yield path, f"expected {_shown(declared)}, as the spec has it, found {_shown(found)}"
    elif isinstance(declared, (*_SCALARS, set, frozenset)):
        if found != declared:
            yield path, f"expected {declared!r}, as the spec has it, found {found!r}"
    elif isinstance(declared, base.Base):
        yield from _between_lists(_parts(found), _parts(declared), path)
    elif isinstance(declared, type) or inspect.isroutine(declared):
        if found is not declared:
            yield path, f"expected {_shown(declared)}, as the spec has it, found {_shown(found)}"
    elif isinstance(declared, Mapping):
        assert isinstance(found, Mapping)
        yield from _between_lists(_named(found), _named(declared), path, names=True)
    elif isinstance(declared, list | tuple):
        assert isinstance(found, list | tuple)
        yield from _between_lists(_numbered(found), _numbered(declared), path)


def _between_lists(
    found: _Parts, declared: _Parts, path: str, *, names: bool = False
) -> Iterator[tuple[str, str]]:
    if names and [name for name, _ in found] != [name for name, _ in declared]:
        wanted, present = (", ".join(name for name, _ in parts) for parts in (declared, found))
        yield path, f"expected {wanted}, as the spec has it, found {present}"
    for (name, one), (_, other) in zip(declared, found, strict=False):
        yield from _differences(other, one, f"{path}.{name}")
    if len(found) != len(declared):
        yield path, f"expected {len(declared)} parts, as the spec has it, found {len(found)}"


def _parts(estimator: Any) -> _Parts:
    """What an object of River's is made of: its steps, else what its constructor takes."""
    if isinstance(estimator, compose.Pipeline):
        return [(type(step).__name__, step) for step in estimator.steps.values()]
    if isinstance(estimator, compose.TransformerUnion):
        return [(type(step).__name__, step) for step in estimator.transformers.values()]
    names = inspect.signature(type(estimator)).parameters
    learned = {name for cls, name in _LEARNED if isinstance(estimator, cls)}
    return [
        (name, getattr(estimator, name)) for name in names if name not in learned and hasattr(estimator, name)
    ]


def _named(values: Mapping[Any, object]) -> _Parts:
    return sorted(((str(key), value) for key, value in values.items()), key=lambda part: part[0])


def _numbered(values: Iterable[object]) -> _Parts:
    return [(str(i), value) for i, value in enumerate(values)]


def _both_numbers(a: object, b: object) -> bool:
    return type(a) in (int, float) and type(b) in (int, float)


def _shown(value: object) -> str:
    if isinstance(value, _SCALARS):
        return repr(value)
    named = value if isinstance(value, type) or inspect.isroutine(value) else type(value)
    return f"{named.__module__.removeprefix('river.')}.{named.__qualname__}"
