"""The short way to read a request says what the long way says, or nothing."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from riverrun_serving.core.tensors import rows_from
from riverrun_serving.grpc_edge import messages
from riverrun_serving.grpc_edge.converters import inputs_from
from riverrun_serving.grpc_edge.one_row import OneRow, read_hot

from riverrun.core.errors import InvalidInput
from riverrun.core.spec import parse_spec

# One for all tests, so that what it remembers is tested too.
READER = OneRow()
FREE = parse_spec("{name: free, task: binary, model: [linear_model.LogisticRegression]}")


def _request(values: dict[str, float], *, raw: bool = False, **other: Any) -> Any:
    request = messages.ModelInferRequest(model_name="free", **other)
    for name, value in values.items():
        tensor = request.inputs.add(name=name, datatype="FP64", shape=[1])
        if raw:
            request.raw_input_contents.append(struct.pack("<d", value))
        else:
            tensor.contents.fp64_contents.append(value)
    return request


def _short(request: Any) -> dict[str, float] | None:
    return READER.read(read_hot(request.SerializeToString()))


def _long(raw: bytes) -> Any:
    try:
        request = messages.ModelInferRequest.FromString(raw)
        return rows_from(FREE, inputs_from(request))
    except InvalidInput:
        return None


@given(
    st.dictionaries(st.text(min_size=1, max_size=60), st.floats(allow_nan=False), min_size=1, max_size=12),
    st.booleans(),
)
def test_the_usual_request_is_read_exactly(values: dict[str, float], raw: bool) -> None:
    request = _request(values, raw=raw, id="r", model_version="live")
    hot = read_hot(request.SerializeToString())
    encodable = all(len(name.encode()) < 128 for name in values)

    assert (hot.model_name, hot.model_version, hot.id) == ("free", "live", "r")
    assert READER.read(hot) == (values if encodable else None)
    assert _long(request.SerializeToString()) == [values]


@settings(max_examples=300)
@given(st.data())
def test_a_changed_byte_is_never_read_otherwise_than_the_long_way_reads_it(data: st.DataObject) -> None:
    whole = bytearray(
        _request({"amount": 1.5, "hour": 2.5}, raw=data.draw(st.booleans())).SerializeToString()
    )
    position = data.draw(st.integers(0, len(whole) - 1))
    whole[position] = data.draw(st.integers(0, 255))

    try:
        row = READER.read(read_hot(bytes(whole)))
    except DecodeError:
        return

    if row is not None:
        assert repr(_long(bytes(whole))) == repr([row])


def _two_values(request: Any) -> None:
    request.inputs[0].contents.fp64_contents.append(2.0)


def _two_rows(request: Any) -> None:
    request.inputs[0].shape[0] = 2


def _other_datatype(request: Any) -> None:
    request.inputs[0].datatype = "FP32"


def _parameters(request: Any) -> None:
    request.inputs[0].parameters["a"].bool_param = True


def _wanted_outputs(request: Any) -> None:
    request.outputs.add(name="prediction")


def _twice(request: Any) -> None:
    request.inputs.append(request.inputs[0])


def _raw_beside(request: Any) -> None:
    request.raw_input_contents.append(b"12345678")


def _no_inputs(request: Any) -> None:
    del request.inputs[:]


@pytest.mark.parametrize(
    "change",
    [
        _two_values,
        _two_rows,
        _other_datatype,
        _parameters,
        _wanted_outputs,
        _twice,
        _raw_beside,
        _no_inputs,
    ],
)
def test_anything_else_is_left_to_the_long_way(change: Any) -> None:
    request = _request({"amount": 1.5, "hour": 2.5})
    change(request)

    assert _short(request) is None


def test_what_was_remembered_of_raw_tensors_is_not_taken_for_typed_ones() -> None:
    reader = OneRow()
    reader.read(read_hot(_request({"amount": 1.5}, raw=True).SerializeToString()))
    request = _request({"amount": 1.5}, raw=True)
    # Eight bytes of something else where a typed tensor has its number.
    request.inputs[0].parameters["ab"].CopyFrom(messages.ModelInferRequest().parameters["x"])
    del request.raw_input_contents[:]
    tensor = request.inputs[0].SerializeToString()

    assert len(tensor) == len(_request({"amount": 1.5}, raw=True).inputs[0].SerializeToString()) + 8
    assert reader.read(read_hot(request.SerializeToString())) is None
