"""Users' own code: which factories a process may import, and what one brings along."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from riverrun.core.errors import InvalidSpec

SETTING = "RIVERRUN_FACTORIES"


@dataclass(frozen=True, slots=True)
class Factory:
    """A factory that was imported: `make` builds the model, afresh at each call.

    `types` and `functions` are those that its module defines or takes from its own top-level package:
    all that a state may mention beside the library's.
    """

    name: str
    make: Callable[[], Any]
    types: tuple[type[Any], ...]
    functions: tuple[Callable[..., Any], ...]


@dataclass(frozen=True, slots=True)
class Factories:
    """The factories that this process may import, as ``package.module:callable`` (DECISIONS 13)."""

    allowed: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, names: str | Iterable[str]) -> Factories:
        """The factories named in `names`: a list, or text with commas as the setting holds it."""
        parts = names.split(",") if isinstance(names, str) else names
        return cls(frozenset(part.strip() for part in parts if part.strip()))

    def load(self, name: str) -> Factory:
        """Import the factory called `name`. Raises `InvalidSpec` when it is not allowed or not there."""
        if name not in self.allowed:
            raise InvalidSpec("factory", f"{name} is not allowed in this process; name it in {SETTING}")
        module_name, _, attribute = name.partition(":")
        try:
            module = importlib.import_module(module_name)
        except ImportError as error:
            raise InvalidSpec(
                "factory", f"cannot import {module_name}: {error.name or 'it fails'}"
            ) from error
        make = getattr(module, attribute, None)
        if not callable(make):
            raise InvalidSpec("factory", f"{module_name} has no callable {attribute}")
        return Factory(name, make, _own(module, inspect.isclass), _own(module, inspect.isfunction))


NO_FACTORIES = Factories()


def _own(module: ModuleType, is_wanted: Callable[[Any], bool]) -> tuple[Any, ...]:
    package = module.__name__.partition(".")[0]
    found = [value for value in vars(module).values() if is_wanted(value)]
    return tuple(value for value in found if value.__module__.partition(".")[0] == package)
