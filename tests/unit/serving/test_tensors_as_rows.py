"""Tensors to rows and answers to tensors, by the spec."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from riverrun_serving.core.predicting import Answer
from riverrun_serving.core.tensor_bytes import tensor_to_bytes, values_from_bytes
from riverrun_serving.core.tensors import (
    Tensor,
    answer_tensors,
    check_shape,
    input_tensors,
    output_tensors,
    rows_from,
    wanted_outputs,
)

from riverrun.core.errors import InvalidInput, NotReady
from riverrun.core.predictions import Prediction
from riverrun.core.spec import parse_spec
from tests.unit.serving.in_test_predictor import SPEC, loaded

MIXED = parse_spec("""
name: mixed
task: multiclass
model: [naive_bayes.GaussianNB]
label: {type: int}
features: {size: float, rooms: int, garden: bool, town: category, words: text}
""")
FREE = parse_spec("{name: free, task: binary, model: [linear_model.LogisticRegression]}")


def test_a_spec_declares_one_input_per_feature() -> None:
    inputs = [(one.name, one.datatype, one.shape) for one in input_tensors(MIXED)]

    assert inputs == [
        ("size", "FP64", (-1,)),
        ("rooms", "INT64", (-1,)),
        ("garden", "BOOL", (-1,)),
        ("town", "BYTES", (-1,)),
        ("words", "BYTES", (-1,)),
    ]
    assert [(o.name, o.datatype) for o in output_tensors(MIXED)] == [
        ("prediction", "INT64"),
        ("probabilities", "FP64"),
    ]


def test_numbers_alone_may_come_as_one_matrix_in_the_specs_order() -> None:
    rows = rows_from(SPEC, [Tensor("features", "FP64", (2, 2), [3.0, 51.5, 4.0, 80.0])])

    assert [(one.name, one.shape) for one in input_tensors(SPEC)][-1] == ("features", (-1, 2))
    assert rows == [{"rooms": 3, "size": 51.5}, {"rooms": 4, "size": 80.0}]
    assert all(type(row["rooms"]) is int for row in rows)


def test_columns_become_rows_and_may_be_left_out() -> None:
    rows = rows_from(
        MIXED, [Tensor("town", "BYTES", (2,), ["a", "b"]), Tensor("size", "FP32", (2, 1), [1.5, 2.5])]
    )

    assert rows == [{"town": "a", "size": 1.5}, {"town": "b", "size": 2.5}]


def test_a_model_without_a_schema_takes_what_comes() -> None:
    assert input_tensors(FREE) == []
    assert rows_from(FREE, [Tensor("anything", "BOOL", (1,), [True])]) == [{"anything": True}]


@pytest.mark.parametrize(
    ("inputs", "named"),
    [
        ([], "inputs: expected at least one"),
        ([Tensor("town", "FP64", (1,), [1.0])], "inputs.town.datatype: expected BYTES"),
        ([Tensor("rooms", "FP64", (1,), [1.0])], "inputs.rooms.datatype: expected INT64"),
        ([Tensor("size", "FP64", (1,), [1.0])] * 2, "inputs: expected each tensor once"),
        ([Tensor("size", "FP64", (0,), [])], "inputs: expected 1 to"),
        ([Tensor("size", "FP64", (1, 2), [1.0, 2.0])], "inputs.size.shape"),
    ],
)
def test_what_fits_no_row_is_named(inputs: list[Tensor], named: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        rows_from(MIXED, inputs)

    assert str(refused.value).startswith(named)


@pytest.mark.parametrize("shape", [(), (1, 1, 1), (-1,), (-2, -2), (10_000, 10_001)])
def test_impossible_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match=r"inputs\.x\.shape"):
        check_shape("x", "FP64", shape)


@pytest.mark.parametrize(
    ("datatype", "values"),
    [
        ("BOOL", (True, False)),
        ("INT8", (-128, 127)),
        ("UINT64", (0, 2**64 - 1)),
        ("FP16", (0.5, -2.0)),
        ("FP32", (0.5, 1e10)),
        ("FP64", (0.1, -1e300)),
        ("BYTES", ("", "grüß")),
    ],
)
def test_raw_contents_come_back_as_they_were(datatype: str, values: tuple[Any, ...]) -> None:
    raw = tensor_to_bytes(Tensor("x", datatype, (2,), values))

    assert tuple(values_from_bytes("x", datatype, 2, raw)) == values


@pytest.mark.parametrize(
    "raw", [b"", b"\x05\x00\x00\x00abc", struct.pack("<I", 2**32 - 1), b"\x00\x00\x00\x00" * 2, b"\x01\x00"]
)
def test_broken_bytes_elements_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"inputs\.x\.data"):
        values_from_bytes("x", "BYTES", 1, raw)


def _answer(*predictions: Prediction) -> Answer:
    return Answer("id", predictions, loaded(3), "live", 0.5)


def test_classes_are_columns_and_named_in_parameters() -> None:
    outputs = answer_tensors(
        MIXED, _answer(Prediction(2, {1: 0.25, 2: 0.75}), Prediction(3, {2: 0.5, 3: 0.5}))
    )

    assert outputs[0].values == [2, 3]
    assert outputs[1].shape == (2, 3)
    assert json.loads(outputs[1].classes) == [1, 2, 3]
    assert outputs[1].values == [0.25, 0.75, 0.0, 0.0, 0.5, 0.5]


def test_a_model_that_has_seen_no_class_is_not_ready() -> None:
    with pytest.raises(NotReady, match="no class yet"):
        answer_tensors(MIXED, _answer(Prediction(None, {})))


def test_outputs_are_chosen_by_name() -> None:
    outputs = answer_tensors(MIXED, _answer(Prediction(2, {2: 1.0})))

    assert [one.name for one in wanted_outputs(outputs, ["probabilities"])] == ["probabilities"]
    with pytest.raises(InvalidInput, match="outputs"):
        wanted_outputs(outputs, ["colour"])
