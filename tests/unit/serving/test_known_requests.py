"""The short way to read a request says what the long way says, or nothing."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from riverrun_serving.core.tensors import rows_from
from riverrun_serving.grpc_edge import known_requests, messages
from riverrun_serving.grpc_edge.converters import inputs_from
from riverrun_serving.grpc_edge.known_requests import KnownRequests

from riverrun.core.errors import InvalidInput
from riverrun.core.spec import parse_spec

# One for all tests, so that what it remembers is tested too.
READER = KnownRequests()
FREE = parse_spec("{name: free, task: binary, model: [linear_model.LogisticRegression]}")
FLOATS = st.floats(allow_nan=False)


def _request(values: dict[str, float], *, raw: bool = False, **other: Any) -> Any:
    request = messages.ModelInferRequest(model_name="free", **other)
    for name, value in values.items():
        tensor = request.inputs.add(name=name, datatype="FP64", shape=[1])
        if raw:
            request.raw_input_contents.append(struct.pack("<d", value))
        else:
            tensor.contents.fp64_contents.append(value)
    return request


def _matrix(values: list[float], *, raw: bool = False, name: str = "features", **other: Any) -> Any:
    request = messages.ModelInferRequest(model_name="free", **other)
    tensor = request.inputs.add(name=name, datatype="FP64", shape=[1, len(values)])
    if raw:
        request.raw_input_contents.append(struct.pack(f"<{len(values)}d", *values))
    else:
        tensor.contents.fp64_contents.extend(values)
    return request


def _learned(request: Any) -> bytes:
    raw: bytes = request.SerializeToString()
    READER.learn(raw, request)
    return raw


def _row(raw: bytes) -> dict[str, float] | None:
    """What the short way reads, of a request with one tensor per feature."""
    read = READER.read(raw)
    if read is None or read.request.names is None:
        return None
    return dict(zip(read.request.names, read.values, strict=True))


def _long(raw: bytes) -> Any:
    try:
        request = messages.ModelInferRequest.FromString(raw)
        return rows_from(FREE, inputs_from(request))
    except InvalidInput:
        return None


@given(
    st.dictionaries(st.text(min_size=1, max_size=200), st.tuples(FLOATS, FLOATS), min_size=1, max_size=12),
    st.booleans(),
    st.sampled_from([("", ""), ("r", "s"), ("é" * 4, "reque-st")]),
)
def test_a_form_that_was_seen_is_read_exactly(
    values: dict[str, tuple[float, float]], raw: bool, ids: tuple[str, str]
) -> None:
    first = {name: pair[0] for name, pair in values.items()}
    second = {name: pair[1] for name, pair in values.items()}
    _learned(_request(first, raw=raw, id=ids[0], model_version="live"))

    encoded = _request(second, raw=raw, id=ids[1], model_version="live").SerializeToString()
    read = READER.read(encoded)

    assert read is not None
    assert (read.request.model, read.request.version, read.id) == ("free", "live", ids[1])
    assert read.request.raw is raw
    assert _row(encoded) == second
    assert _long(encoded) == [second]


@given(st.lists(st.tuples(FLOATS, FLOATS), min_size=1, max_size=40), st.booleans())
def test_one_tensor_of_all_features_is_read_in_its_order(
    values: list[tuple[float, float]], raw: bool
) -> None:
    _learned(_matrix([pair[0] for pair in values], raw=raw))

    read = READER.read(_matrix([pair[1] for pair in values], raw=raw).SerializeToString())

    assert read is not None
    assert read.request.names is None
    assert read.values == tuple(pair[1] for pair in values)


@settings(max_examples=300)
@given(st.data())
def test_a_changed_byte_is_never_read_otherwise_than_the_long_way_reads_it(data: st.DataObject) -> None:
    raw = data.draw(st.booleans())
    whole = bytearray(_learned(_request({"amount": 1.5, "hour": 2.5}, raw=raw, id="four")))
    position = data.draw(st.integers(0, len(whole) - 1))
    whole[position] = data.draw(st.integers(0, 255))

    row = _row(bytes(whole))

    if row is not None:
        assert repr(_long(bytes(whole))) == repr([row])
        read = READER.read(bytes(whole))
        assert read is not None
        assert read.id == messages.ModelInferRequest.FromString(bytes(whole)).id


def test_an_id_that_is_no_text_is_left_to_the_long_way() -> None:
    whole = _learned(_request({"amount": 1.5}, id="four"))
    broken = whole.replace(b"four", b"fo\xff\xff")

    assert READER.read(broken) is None
    with pytest.raises(DecodeError):
        messages.ModelInferRequest.FromString(broken)


def _two_values(request: Any) -> None:
    request.inputs[0].contents.fp64_contents.append(2.0)


def _two_rows(request: Any) -> None:
    for tensor in request.inputs:
        tensor.shape[0] = 2
        tensor.contents.fp64_contents.append(2.0)


def _other_datatype(request: Any) -> None:
    request.inputs[0].datatype = "FP32"


def _integers(request: Any) -> None:
    request.inputs[0].datatype = "INT64"
    del request.inputs[0].contents.fp64_contents[:]
    request.inputs[0].contents.int64_contents.append(7)


def _parameters(request: Any) -> None:
    request.parameters["a"].bool_param = True


def _parameters_of_a_tensor(request: Any) -> None:
    request.inputs[0].parameters["a"].bool_param = True


def _wanted_outputs(request: Any) -> None:
    request.outputs.add(name="prediction")


def _twice(request: Any) -> None:
    request.inputs.append(request.inputs[0])


def _raw_beside(request: Any) -> None:
    request.raw_input_contents.append(b"12345678")


def _other_contents_beside(request: Any) -> None:
    request.inputs[0].contents.int64_contents.append(7)


def _no_inputs(request: Any) -> None:
    del request.inputs[:]


@pytest.mark.parametrize(
    "change",
    [
        _two_values,
        _two_rows,
        _other_datatype,
        _integers,
        _parameters,
        _parameters_of_a_tensor,
        _wanted_outputs,
        _twice,
        _raw_beside,
        _no_inputs,
    ],
)
def test_anything_else_is_left_to_the_long_way(change: Any) -> None:
    request = _request({"amount": 1.5, "hour": 2.5})
    change(request)

    assert READER.read(_learned(request)) is None


def test_what_lies_beside_the_numbers_is_compared_too() -> None:
    request = _request({"amount": 1.5, "hour": 2.5})
    _other_contents_beside(request)
    whole = _learned(request)

    assert _row(whole) == {"amount": 1.5, "hour": 2.5}
    assert READER.read(whole.replace(b"\x07", b"\x08")) is None


def test_a_message_in_another_order_is_left_to_the_long_way() -> None:
    request = _request({"amount": 1.5})
    name = messages.ModelInferRequest(model_name="free").SerializeToString()
    raw = request.SerializeToString().removeprefix(name) + name

    READER.learn(raw, messages.ModelInferRequest.FromString(raw))

    assert READER.read(raw) is None


def test_forms_are_forgotten_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_requests, "MAX_FORMS", 2)
    reader = KnownRequests()
    encoded = []
    for name in ("a", "b", "c"):
        request = _request({name: 1.5})
        encoded.append(request.SerializeToString())
        reader.learn(encoded[-1], request)

    assert [reader.read(raw) is not None for raw in encoded] == [False, False, True]
