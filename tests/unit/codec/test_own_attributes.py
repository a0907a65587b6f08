"""Attributes are read whole and set exactly, and objects stay as quick as they were.

How quick is not measured here: that nobody asked for the `__dict__` is, by what an object refers to.
"""

from __future__ import annotations

import gc
from typing import Any

from riverrun.codec.own_attributes import OwnAttributes


class Plain:
    shared = "of the class"

    def __init__(self, **own: Any) -> None:
        for name, value in own.items():
            setattr(self, name, value)


class WithProperty:
    @property
    def value(self) -> Any:
        raise AssertionError("code of the class must not run")


def was_asked_for_its_dict(instance: Any) -> bool:
    return any(type(held) is dict for held in gc.get_referents(instance))


def knowing(*names: str) -> OwnAttributes:
    own = OwnAttributes(Plain, is_all=True)
    own.read(Plain(**dict.fromkeys(names, 0)))
    return own


def test_once_one_instance_was_read_the_next_is_not_asked_for_its_dict() -> None:
    own, instance = knowing("a", "b"), Plain(a=1, b=[2])

    found = own.read(instance)

    assert found == {"a": 1, "b": [2]}
    assert list(found) == ["a", "b"]
    assert not was_asked_for_its_dict(instance)


def test_an_instance_with_more_or_fewer_or_other_attributes_is_read_whole() -> None:
    own = knowing("a", "b")

    assert own.read(Plain(a=1)) == {"a": 1}
    assert own.read(Plain(a=1, b=2, c=3)) == {"a": 1, "b": 2, "c": 3}
    assert own.read(Plain(a=1, c=3)) == {"a": 1, "c": 3}
    assert own.read(Plain()) == {}


def test_an_instance_that_was_asked_for_its_dict_before_is_read_whole() -> None:
    own, instance = knowing("a"), Plain(a=1, b=2)
    instance.__dict__["c"] = 3

    assert own.read(instance) == {"a": 1, "b": 2, "c": 3}


def test_an_attribute_that_the_class_has_too_is_told_apart_from_that_of_the_class() -> None:
    own = knowing("a", "shared")

    assert own.read(Plain(a=1, b="of the class")) == {"a": 1, "b": "of the class"}
    assert own.read(Plain(a=1, shared=2)) == {"a": 1, "shared": 2}


def test_attributes_that_were_set_are_read_again_without_the_dict() -> None:
    own, instance = OwnAttributes(Plain, is_all=True), Plain()

    own.set(instance, ("a", "b"), [1, 2, "no attribute"])

    assert own.read(instance) == {"a": 1, "b": 2}
    assert not was_asked_for_its_dict(instance)


def test_no_property_of_the_class_runs_when_its_name_is_set() -> None:
    own, instance = OwnAttributes(WithProperty, is_all=True), WithProperty()

    own.set(instance, ("value",), [1])

    assert own.read(instance) == {"value": 1}
