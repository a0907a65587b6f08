"""Which types may be rebuilt from data. The codec consults this list and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any


def qualified_name(named: type[Any] | Callable[..., Any]) -> str:
    """The name by which data mentions a class or function: its module and qualified name."""
    module = getattr(named, "__module__", None)
    if module is None:
        # A method of a builtin class has the class, or the instance it is bound to, in place of a module.
        owner: Any = getattr(named, "__objclass__", None) or type(getattr(named, "__self__", None))
        module = owner.__module__
    return f"{module}.{named.__qualname__}"


@dataclass(frozen=True, slots=True)
class AllowList:
    """Names that data may mention, each bound to the object it stands for.

    `types` are classes that may be rebuilt: an instance is made without calling code of the data's
    choosing, then given its state. `functions` may be referred to as values, never called by the codec.
    `trainer_only` names attributes, as (class name, attribute), whose value only further learning reads;
    an entry counts for subclasses too.
    `tables` are those of `types` that are rebuilt by their constructor from a dict of numbers.
    `opaque` are those of `types` whose state is bytes that only their library can read, each with the
    version of that library; bytes of another version are refused.
    `restless` names classes whose instances change when they answer, which a reader has to know; subclasses
    too.
    `refused` are names that are left out on purpose, each with the reason that a refusal gives.
    """

    types: Mapping[str, type[Any]]
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    trainer_only: frozenset[tuple[str, str]] = frozenset()
    tables: frozenset[str] = frozenset()
    opaque: Mapping[str, str] = field(default_factory=dict)
    restless: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)

    def with_types(self, types: Iterable[type[Any]]) -> AllowList:
        """This list and `types`, by their qualified names."""
        return replace(self, types={**self.types, **{qualified_name(t): t for t in types}})

    def name_of_type(self, cls: type[Any]) -> str | None:
        """The name that stands for `cls`, None where data may not mention it."""
        name = qualified_name(cls)
        return name if self.types.get(name) is cls else None

    def name_of_function(self, function: Callable[..., Any]) -> str | None:
        """The name that stands for `function`, None where data may not mention it."""
        name = qualified_name(function)
        return name if self.functions.get(name) is function else None

    def is_restless(self, cls: type[Any]) -> bool:
        """Whether an instance of `cls` may change when it answers."""
        return not self.restless.isdisjoint(map(qualified_name, cls.__mro__))

    def trainer_only_attributes(self, cls: type[Any]) -> frozenset[str]:
        """The attributes of `cls`, inherited ones included, that only further learning reads."""
        names = {qualified_name(base) for base in cls.__mro__}
        return frozenset(attribute for owner, attribute in self.trainer_only if owner in names)
