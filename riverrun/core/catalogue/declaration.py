"""What a spec declares, once it was read: objects to build, and what was wrong where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from riverrun.core.catalogue.river_classes import ClassEntry

Path = tuple[str | int, ...]
Value = Any
"""A `Construct` or `ClassName`, plain data, or a list, tuple, set or dict of them."""


class Misfit(ValueError):
    """A declaration is wrong at `path`; the text says what was expected."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


@dataclass(frozen=True, slots=True)
class ClassName:
    """A class of the catalogue, itself the argument."""

    name: str


@dataclass(frozen=True, slots=True)
class Construct:
    """An object to build: `name` is a class of the catalogue. `path` is where the spec declares it."""

    name: str
    entry: ClassEntry
    args: tuple[Value, ...] = ()
    kwargs: Mapping[str, Value] = field(default_factory=dict)
    path: Path = ()

    @property
    def last(self) -> Construct:
        """The step that answers: of a pipeline its last, of anything else itself."""
        return self.args[-1].last if self.name == "compose.Pipeline" and self.args else self

    def fits(self, kinds: Sequence[str]) -> bool:
        """Whether this object is one of `kinds`; a pipeline is what its last step is."""
        return any(kind in self.entry.ancestors or kind in self.last.entry.ancestors for kind in kinds)

    @property
    def multiclass(self) -> bool:
        """Whether this classifier learns more than two classes; False for what is no classifier."""
        last = self.last
        if last.entry.multiclass != "nested":
            return bool(last.entry.multiclass)
        inner = [
            value for value in _constructs((*last.args, *last.kwargs.values())) if value.fits(["Classifier"])
        ]
        return all(value.multiclass for value in inner)

    def argument(self, name: str) -> Value:
        """The argument called `name`, given by name or in order; None where it is not given."""
        for parameter, value in zip(self.entry.parameters, self.args, strict=False):
            if parameter.name == name:
                return value
        return self.kwargs.get(name)

    def without(self, name: str) -> Construct:
        """This object without its last argument in order, if that is `name`, and without one by that name."""
        args = self.args
        if (
            args
            and len(args) <= len(self.entry.parameters)
            and self.entry.parameters[len(args) - 1].name == name
        ):
            args = args[:-1]
        kwargs = {key: value for key, value in self.kwargs.items() if key != name}
        return replace(self, args=args, kwargs=kwargs)


def _constructs(values: Sequence[Any]) -> list[Construct]:
    found: list[Construct] = []
    for value in values:
        if isinstance(value, Construct):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found += _constructs(value)
    return found
