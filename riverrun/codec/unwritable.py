"""What cannot be written as data, and why."""

from __future__ import annotations

from typing import Any

from riverrun.codec.allow_list import AllowList, qualified_name


class Unwritable(Exception):
    """`culprit` cannot be written, for the reason `why`; who catches this looks up its path."""

    def __init__(self, culprit: object, why: str) -> None:
        super().__init__(why)
        self.culprit = culprit
        self.why = why


def type_name(allow: AllowList, cls: type[Any], culprit: object) -> str:
    """The name that stands for `cls`. Raises `Unwritable` where data may not mention it."""
    name = allow.name_of_type(cls)
    if name is None:
        name = qualified_name(cls)
        why = allow.refused.get(name)
        refusal = f"cannot be stored: {why}" if why else "is not on the allow-list"
        raise Unwritable(culprit, f"{name} {refusal}")
    return name
