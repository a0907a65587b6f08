"""Which types may be rebuilt from data. The codec consults this list and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class AllowList:
    """Names that data may mention, each bound to the object it stands for.

    `types` are classes that may be rebuilt: an instance is made without calling code of the data's
    choosing, then given its state. `functions` may be referred to as values, never called by the codec.
    `trainer_only` names attributes, as (class name, attribute), whose value only further learning reads.
    """

    types: Mapping[str, type[Any]]
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    trainer_only: frozenset[tuple[str, str]] = frozenset()

    def with_types(self, types: Iterable[type[Any]]) -> AllowList:
        """This list and `types`, by their qualified names."""
        more = {f"{t.__module__}.{t.__qualname__}": t for t in types}
        return AllowList({**self.types, **more}, self.functions, self.trainer_only)
