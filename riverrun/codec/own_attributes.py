"""The attributes that instances of a class hold, read and set without asking for their `__dict__`.

CPython 3.11 and 3.12 keep attributes in the instance itself until somebody asks for its `__dict__`; from then
on every access to one goes through that dict, for the rest of the instance's life. A linear model of River
that was asked once predicts and learns a quarter slower.
"""

from __future__ import annotations

from collections.abc import Callable
from gc import get_referents
from operator import attrgetter
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
        self._known: dict[tuple[str, ...], Callable[[Any], Any]] = {}
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
        if self._known:
            held = get_referents(instance)
            for names, get in self._known.items():
                # All that is known to be there is there, and nothing else: what it refers to was counted.
                if len(held) == len(names) + 1:
                    try:
                        values = get(instance)
                    except AttributeError:
                        continue
                    if len(names) != 1:
                        return dict(zip(names, values, strict=True))
                    # Its one attribute, and not a `__dict__` that it was asked for before.
                    if values is held[0]:
                        return {names[0]: values}
        own: dict[str, Any] = instance.__dict__
        self.knows(tuple(own))
        return own

    def set(self, instance: Any, names: tuple[str, ...], values: list[Any]) -> None:
        """Give `instance` attributes; none of its class's code runs. Further `values` are left alone."""
        if self.knows(names):
            for name, value in zip(names, values, strict=False):
                object.__setattr__(instance, name, value)
        else:
            instance.__dict__.update(zip(names, values, strict=False))

    def set_one(self, instance: Any, names: tuple[str, ...], place: int, value: Any) -> None:
        """Give `instance`, which has just these `names`, another value for the one at `place`."""
        if self.knows(names):
            object.__setattr__(instance, names[place], value)
        else:
            instance.__dict__[names[place]] = value

    def knows(self, names: tuple[str, ...]) -> bool:
        """Whether attributes of just these `names` are read and set one by one."""
        if names in self._known:
            return True
        if not self._is_plain or not names or len(self._known) == MAX_KNOWN:
            return False
        # What the class has too may be found there instead, or be a descriptor that runs its code.
        if any("." in name or hasattr(self._cls, name) for name in names):
            return False
        self._known[names] = attrgetter(*names)
        return True
