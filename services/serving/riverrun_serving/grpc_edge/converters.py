"""Tensors of the protocol's messages to ours and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from riverrun.core.errors import InvalidInput
from riverrun.core.spec.features import shown_name
from riverrun_serving.core.inference import Inferred
from riverrun_serving.core.tensor_bytes import tensor_to_bytes, text_from, values_from_bytes
from riverrun_serving.core.tensors import Tensor, TensorInfo, check_shape
from riverrun_serving.grpc_edge import messages

_CONTENTS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def inputs_from(request: Any) -> list[Tensor]:
    """The tensors of a ModelInferRequest, typed or raw. Raises `InvalidInput`."""
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise InvalidInput("raw_input_contents", f"expected {len(request.inputs)}, one for each input")
    tensors = []
    for number, given in enumerate(request.inputs):
        name, datatype, shape = given.name, given.datatype, tuple(given.shape)
        count = check_shape(name, datatype, shape)
        if raw:
            if given.HasField("contents"):
                raise InvalidInput(_path(name), "expected raw or typed, not both")
            values = values_from_bytes(name, datatype, count, raw[number])
        else:
            values = _typed(name, datatype, count, given.contents)
        tensors.append(Tensor(name, datatype, shape, values))
    return tensors


def parameter_from(request: Any, name: str) -> Any:
    """The value of a parameter of a ModelInferRequest; None where it has none of that name."""
    # Indexing a map of messages makes an entry of what is not there.
    if name not in request.parameters:
        return None
    given = request.parameters[name]
    return getattr(given, given.WhichOneof("parameter_choice") or "string_param")


def response_from(inferred: Inferred, *, raw: bool) -> Any:
    """A ModelInferResponse; raw where the request was, since tritonclient cannot read typed outputs."""
    response = messages.ModelInferResponse(
        model_name=inferred.model, model_version=inferred.version, id=inferred.id
    )
    for name, value in inferred.parameters.items():
        if isinstance(value, str):
            response.parameters[name].string_param = value
        else:
            response.parameters[name].int64_param = value
    for tensor in inferred.outputs:
        output = response.outputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        if tensor.classes:
            output.parameters["classes"].string_param = tensor.classes
        if raw:
            response.raw_output_contents.append(tensor_to_bytes(tensor))
        else:
            getattr(output.contents, _CONTENTS[tensor.datatype]).extend(_elements(tensor))
    return response


def metadata_from(tensors: Sequence[TensorInfo]) -> list[Any]:
    """TensorMetadata messages."""
    kind = messages.ModelMetadataResponse.TensorMetadata
    return [kind(name=one.name, datatype=one.datatype, shape=one.shape) for one in tensors]


def _typed(name: str, datatype: str, count: int, contents: Any) -> Sequence[Any]:
    field = _CONTENTS.get(datatype)
    if field is None:
        raise InvalidInput(_path(name), f"{datatype} has no typed form; send it raw")
    values = getattr(contents, field)
    if len(values) != count:
        raise InvalidInput(_path(name), f"expected {count} elements by its shape, got {len(values)}")
    return [text_from(_path(name), value) for value in values] if datatype == "BYTES" else list(values)


def _path(name: str) -> str:
    return f"inputs.{shown_name(name)}.contents"


def _elements(tensor: Tensor) -> Sequence[Any]:
    return [str(one).encode() for one in tensor.values] if tensor.datatype == "BYTES" else tensor.values
