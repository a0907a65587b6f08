"""The attributes that instances of a class hold, read and set without asking for their `__dict__`.

CPython 3.11 and 3.12 keep attributes in the instance itself until somebody asks for its `__dict__`; from then
on every access to one goes through that dict, for the rest of the instance's life. A linear model of River
that was asked once predicts and learns a quarter slower.
"""

from __future__ import annotations

from gc import get_referents
from typing import Any

_MANAGED_DICT = 1 << 4
"""The flag of classes whose instances may keep attributes in themselves."""

MAX_KNOWN = 16
"""Sets of names remembered for one class; instances with others are asked for their `__dict__`."""


class OwnAttributes:
    """What the instances of `cls`, which have a `__dict__`, hold in it.

    `is_all` says that they hold nothing else: no slots, and no content of a container.
    """

    def __init__(self, cls: type[Any], *, is_all: bool) -> None:
        self._cls = cls
        self._known: list[tuple[str, ...]] = []
        lookup: Any = cls.__getattribute__
        # Then an instance refers to its class and its attributes alone, and looking one up runs no code.
        self._is_plain = (
            is_all
            and cls.__flags__ & _MANAGED_DICT != 0
            and lookup is object.__getattribute__
            and not hasattr(cls, "__getattr__")
        )

    def read(self, instance: Any) -> dict[str, Any]:
        """The attributes of `instance` by name, in their order; not to be changed."""
        held = get_referents(instance) if self._known else []
        for names in self._known:
            # All that is known to be there is there, and nothing else: what it refers to was counted.
            if len(held) == len(names) + 1:
                try:
                    values = [getattr(instance, name) for name in names]
                except AttributeError:
                    continue
                # Its one attribute, and not a `__dict__` that it was asked for before.
                if len(names) != 1 or values[0] is held[0]:
                    return dict(zip(names, values, strict=True))
        own: dict[str, Any] = instance.__dict__
        self._know(tuple(own))
        return own

    def set(self, instance: Any, names: tuple[str, ...], values: list[Any]) -> None:
        """Give `instance` attributes; none of its class's code runs. Further `values` are left alone."""
        self._know(names)
        if names in self._known:
            for name, value in zip(names, values, strict=False):
                object.__setattr__(instance, name, value)
        else:
            instance.__dict__.update(zip(names, values, strict=False))

    def _know(self, names: tuple[str, ...]) -> None:
        if not self._is_plain or names in self._known or len(self._known) == MAX_KNOWN:
            return
        # What the class has too may be found there instead, or be a descriptor that runs its code.
        if not any(hasattr(self._cls, name) for name in names):
            self._known.append(names)
