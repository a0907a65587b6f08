"""Objects that data could not rebuild are refused when they are written, with the path to them."""

from __future__ import annotations

import functools
import re
import threading
from typing import Any

import numpy as np
import pytest
from river import compose, feature_extraction, linear_model, preprocessing
from river.stats import RollingQuantile
from river.utils import VectorDict

from riverrun.codec.graph_encoder import GraphEncoder
from riverrun.core.errors import InvalidInput
from riverrun.learners.river_allow_list import river_allow_list
from tests.unit.codec.parts import AttributedPoint, Key, Part, allow_list


def refusal(root: Any) -> InvalidInput:
    """The refusal of `root`."""
    with pytest.raises(InvalidInput) as refused:
        GraphEncoder(allow_list()).encode(root)
    return refused.value


def closure() -> Any:
    secret = 1

    def inner() -> int:
        return secret

    return inner


class Unlisted:
    """A class that is on no list."""


def test_a_lambda_in_a_pipeline_is_named_by_its_path() -> None:
    model = compose.FuncTransformer(lambda x: x) | linear_model.LogisticRegression()

    error = refusal(model)

    assert error.field == "model.steps['<lambda>'].func"
    assert "lambda" in error.expected


@pytest.mark.parametrize(
    ("value", "path", "reason"),
    [
        (lambda: None, "model.value", "a lambda or closure"),
        (closure(), "model.value", "a lambda or closure"),
        ([{"deep": (closure(),)}], "model.value[0]['deep'][0]", "a lambda or closure"),
        (getattr, "model.value", "builtins.getattr"),
        (eval, "model.value", "builtins.eval"),
        (functools.partial(closure()), "model.value.func", "a lambda or closure"),
        (functools.partial(getattr, Part(), "x"), "model.value.func", "builtins.getattr"),
        ([].append, "model.value", "list.append"),
        (Unlisted(), "model.value", "Unlisted is not on the allow-list"),
        (Unlisted, "model.value", "Unlisted is not on the allow-list"),
        (Part(inner=Unlisted()), "model.value.inner", "Unlisted is not on the allow-list"),
        (threading.Lock(), "model.value", "lock is not on the allow-list"),
        ((n for n in ()), "model.value", "generator is not on the allow-list"),
        (re, "model.value", "module is not on the allow-list"),
        (iter({}), "model.value", "dict_keyiterator is not on the allow-list"),
        (Part().__init__, "model.value", "'__init__'"),
        (VectorDict(None, lambda: 0), "model.value", "a lambda or closure"),
        (np.zeros((1,) * 9), "model.value", "more than 8 dimensions"),
        (RollingQuantile(0.5, 1 << 21), "model.value._rolling_quantile", "a window of more than"),
    ],
)
def test_what_has_no_name_is_refused_with_its_path(value: Any, path: str, reason: str) -> None:
    error = refusal(Part(value=value))

    assert error.field == path
    assert reason in error.expected


def test_values_nested_without_end_are_refused() -> None:
    nested: tuple[Any, ...] = ()
    for _ in range(10_000):
        nested = (nested,)

    assert "nested deeper" in refusal(Part(value=nested)).expected


def test_a_class_that_is_left_out_on_purpose_says_why() -> None:
    error = refusal(preprocessing.MinMaxScaler() | feature_extraction.RandomTreesEmbedding())

    assert "memory addresses" in error.expected


def test_a_method_that_its_class_does_not_define_is_refused() -> None:
    part = Part()
    part.value = closure().__get__(part)

    assert "not one that its object's class defines" in refusal(part).expected


def test_names_that_python_keeps_for_itself_are_refused() -> None:
    part = Part()
    vars(part)["__deepcopy__"] = 1

    assert "'__deepcopy__'" in refusal(part).expected


def test_a_tuple_with_attributes_is_refused() -> None:
    point = AttributedPoint(1.0, 2)
    point.note = "lost"

    assert "attributes of its own" in refusal(Part(value=point)).expected


def test_objects_inside_a_frozenset_are_refused() -> None:
    assert "frozenset" in refusal(Part(value=frozenset({(Key("a"),)}))).expected


@pytest.mark.parametrize("name", ["builtins.getattr", "builtins.eval", "functools.partial", "copy.deepcopy"])
def test_nothing_general_is_on_the_list_of_river(name: str) -> None:
    listed = river_allow_list()

    assert name not in listed.functions
    assert name not in listed.types
