"""How instances of a Python class are laid out: attributes, slots and the container they extend."""

from __future__ import annotations

import enum
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass
from types import FunctionType, MemberDescriptorType
from typing import Any

from riverrun.codec.own_attributes import OwnAttributes

CONTENT_BASES: tuple[type[Any], ...] = (Counter, OrderedDict, dict, list, set, deque)
"""Containers that a class may extend, the most special first."""


@dataclass(frozen=True, slots=True)
class ClassLayout:
    """What an instance of `cls` consists of: its `own` attributes, its `slots`, the `content` it extends."""

    cls: type[Any]
    content: type[Any] | None
    slots: dict[str, MemberDescriptorType]
    own: OwnAttributes | None

    def new(self) -> Any:
        """A bare instance; none of the class's own code runs."""
        return _bare(self.cls, self.content)

    def attributes(self, instance: Any) -> dict[str, Any]:
        """All attributes that `instance` itself holds, its own first, in their order; not to be changed."""
        own = {} if self.own is None else self.own.read(instance)
        if not self.slots:
            return own
        values = dict(own)
        for name, slot in self.slots.items():
            try:
                values[name] = slot.__get__(instance)
            except AttributeError:
                continue
        return values


_layouts: dict[type[Any], ClassLayout | None] = {}


def layout_of(cls: type[Any]) -> ClassLayout | None:
    """The layout of `cls`, or None where instances hold state that Python code cannot see."""
    if cls not in _layouts:
        _layouts[cls] = _read_layout(cls)
    return _layouts[cls]


def _read_layout(cls: type[Any]) -> ClassLayout | None:
    if issubclass(cls, enum.Enum):
        return None
    content = next((base for base in CONTENT_BASES if issubclass(cls, base)), None)
    try:
        # Refused by Python itself for every class whose instances are more than attributes and content.
        _bare(cls, content)
    except TypeError:
        return None
    slots: dict[str, MemberDescriptorType] = {}
    for base in cls.__mro__:
        if base is content or base.__module__ in ("builtins", "collections"):
            continue
        for name, member in vars(base).items():
            if isinstance(member, MemberDescriptorType):
                slots.setdefault(name, member)
    is_all = content is None and not slots
    own = OwnAttributes(cls, is_all=is_all) if cls.__dictoffset__ != 0 else None
    return ClassLayout(cls, content, slots, own) if own or slots or _is_python(cls) else None


def _bare(cls: type[Any], content: type[Any] | None) -> Any:
    base: Any = object if content is None else content
    return base.__new__(cls)


def _is_python(cls: type[Any]) -> bool:
    """Whether a class without attributes was made by a class statement, not by an extension."""
    return "__slots__" in vars(cls) and cls.__flags__ & (1 << 9) != 0


def is_dunder(name: str) -> bool:
    """Whether `name` is one that Python keeps for itself."""
    return name.startswith("__") and name.endswith("__")


def find_method(instance: Any, name: str) -> FunctionType | None:
    """The Python function behind the method `name` of `instance`, found without running any code."""
    if is_dunder(name):
        return None
    of_class = isinstance(instance, type)
    for base in (instance if of_class else type(instance)).__mro__:
        if name in vars(base):
            member = vars(base)[name]
            if of_class:
                member = member.__func__ if isinstance(member, classmethod) else None
            return member if isinstance(member, FunctionType) else None
    return None
