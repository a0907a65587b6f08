"""The body of an inference over REST: JSON, and raw bytes after it where the header says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from riverrun.core.errors import InvalidInput
from riverrun.core.spec.features import shown, shown_name
from riverrun_serving.core.tensor_bytes import values_from_bytes
from riverrun_serving.core.tensors import FLOATS, INTEGERS, Tensor, check_shape
from riverrun_serving.rest_edge.json_body import decode

HEADER_LENGTH = b"inference-header-content-length"


class InputBody(msgspec.Struct):
    """A tensor of the request. Its elements are in `data`, or follow the JSON as raw bytes."""

    name: str
    shape: list[int]
    datatype: str
    parameters: dict[str, Any] = {}
    data: Any = msgspec.UNSET


class OutputBody(msgspec.Struct):
    """A wanted output."""

    name: str
    parameters: dict[str, Any] = {}


class InferBody(msgspec.Struct):
    """Body of an inference. Keys that the protocol does not know are ignored, as its clients send some."""

    inputs: list[InputBody]
    id: str = ""
    parameters: dict[str, Any] = {}
    outputs: list[OutputBody] = []


_decoder = msgspec.json.Decoder(InferBody)

_KINDS: dict[str, frozenset[type]] = {
    **dict.fromkeys(FLOATS, frozenset({int, float})),
    **dict.fromkeys(INTEGERS, frozenset({int})),
    "BOOL": frozenset({bool}),
    "BYTES": frozenset({str}),
}
"""What the decoder makes of an element's JSON, by the tensor's datatype."""


def read_infer(body: bytes, header_length: bytes) -> tuple[InferBody, list[Tensor]]:
    """What `body` asks, and its tensors; without the header all of it is JSON. Raises `InvalidInput`."""
    text, raw = _split(body, header_length)
    asked = decode(_decoder, text)
    return asked, _inputs(asked.inputs, raw)


def _split(body: bytes, header_length: bytes) -> tuple[bytes, memoryview]:
    """The JSON and the raw bytes after it; without the header all is JSON."""
    if not header_length:
        return body, memoryview(b"")
    if not header_length.isdigit() or int(header_length[:20]) > len(body):
        raise InvalidInput(HEADER_LENGTH.decode(), "expected the length of the JSON in bytes")
    end = int(header_length)
    return body[:end], memoryview(body)[end:]


def _inputs(inputs: Sequence[InputBody], raw: memoryview) -> list[Tensor]:
    tensors = []
    position = 0
    for given in inputs:
        shape = tuple(given.shape)
        count = check_shape(given.name, given.datatype, shape)
        size = given.parameters.get("binary_data_size")
        if size is None:
            values: Sequence[Any] = _json_values(given, count)
        else:
            if type(size) is not int or not 0 <= size <= len(raw) - position:
                raise InvalidInput(
                    _path(given, "parameters.binary_data_size"), "expected the bytes that follow"
                )
            piece = bytes(raw[position : position + size])
            values = values_from_bytes(given.name, given.datatype, count, piece)
            position += size
        tensors.append(Tensor(given.name, given.datatype, shape, values))
    if position != len(raw):
        raise InvalidInput("inputs", f"{len(raw) - position} bytes follow that belong to no tensor")
    return tensors


def _json_values(given: InputBody, count: int) -> list[Any]:
    """Elements given as JSON, nested or flat."""
    data = given.data
    if given.datatype == "FP16":
        raise InvalidInput(_path(given, "data"), "FP16 has no JSON form; send it as binary data")
    if not isinstance(data, list):
        raise InvalidInput(_path(given, "data"), "expected a list")
    values = data
    if data and isinstance(data[0], list):
        if not all(isinstance(row, list) for row in data):
            raise InvalidInput(_path(given, "data"), "expected either a flat list or a list of rows")
        values = [one for row in data for one in row]
    if len(values) != count:
        raise InvalidInput(_path(given, "data"), f"expected {count} elements by its shape, got {len(values)}")
    kinds = _KINDS[given.datatype]
    if not kinds.issuperset(map(type, values)):
        other = next(value for value in values if type(value) not in kinds)
        raise InvalidInput(_path(given, "data"), f"expected {given.datatype} elements, got {shown(other)}")
    return values


def _path(given: InputBody, part: str) -> str:
    return f"inputs.{shown_name(given.name)}.{part}"
