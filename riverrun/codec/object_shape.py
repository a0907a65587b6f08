"""Which attributes an object has, and how a bare one gets them; none of its class's code runs."""

from __future__ import annotations

from dataclasses import dataclass
from types import MemberDescriptorType
from typing import Any

from riverrun.codec.class_layout import ClassLayout


@dataclass(frozen=True, slots=True)
class Shape:
    """Which attributes an instance of a class has: those of its `__dict__`, then its slots.

    `restless` says whether it may change when it answers.
    """

    layout: ClassLayout
    class_name: str
    attributes: tuple[str, ...]
    in_dict: tuple[str, ...]
    in_slots: tuple[MemberDescriptorType, ...]
    restless: bool

    def strip(self, shell: Any) -> None:
        """Take away all that setting these attributes, and a content, would not replace; nothing runs."""
        layout = self.layout
        if layout.content is not None:
            layout.content.clear(shell)
        if layout.own is not None and tuple(layout.own.read(shell)) != self.in_dict:
            shell.__dict__.clear()
        if len(self.in_slots) < len(layout.slots):
            for slot in layout.slots.values():
                if slot not in self.in_slots and _is_held(slot, shell):
                    slot.__delete__(shell)

    def set(self, shell: Any, place: int, value: Any) -> None:
        """Give `shell` the attribute that stands at `place`; none of its class's code runs."""
        count = len(self.in_dict)
        if place < count:
            assert self.layout.own is not None  # it has attributes of its own
            self.layout.own.set_one(shell, self.in_dict, place, value)
        else:
            self.in_slots[place - count].__set__(shell, value)


def _is_held(slot: MemberDescriptorType, instance: Any) -> bool:
    """Whether `instance` holds something in `slot`."""
    try:
        slot.__get__(instance)
    except AttributeError:
        return False
    return True
