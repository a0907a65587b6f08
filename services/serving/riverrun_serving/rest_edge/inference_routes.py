"""The Open Inference Protocol over REST: everything below ``/v2``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from riverrun.core.errors import InvalidInput
from riverrun.core.spec.features import shown, shown_name
from riverrun_serving.core.inference import SERVER_NAME, SERVER_VERSION, Inference, Inferred
from riverrun_serving.core.tensor_bytes import tensor_to_bytes, values_from_bytes
from riverrun_serving.core.tensors import FLOATS, INTEGERS, Tensor, TensorInfo, check_shape
from riverrun_serving.rest_edge.body import read_body
from riverrun_serving.rest_edge.exchange import Receive, Reply, Scope, header
from riverrun_serving.rest_edge.json_body import decode
from riverrun_serving.rest_edge.statuses import MethodNotAllowed, NoSuchRoute

HEADER_LENGTH = b"inference-header-content-length"
EXTENSIONS = ("binary_tensor_data", "model_repository")
OCTETS = b"application/octet-stream"


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


_infer_decoder = msgspec.json.Decoder(InferBody)
_encoder = msgspec.json.Encoder()


class InferenceRoutes:
    """Decode, call, encode, for each route of the protocol."""

    def __init__(self, inference: Inference, max_body_bytes: int) -> None:
        self._inference = inference
        self._max_body_bytes = max_body_bytes

    async def reply(self, scope: Scope, receive: Receive) -> Reply:
        """The reply to a request below ``/v2``. Raises our errors, also for an unknown path or method."""
        path: str = scope["path"]
        method: str = scope["method"]
        match path.strip("/").split("/")[1:]:
            case []:
                _allow(method, "GET")
                return _json({"name": SERVER_NAME, "version": SERVER_VERSION, "extensions": EXTENSIONS})
            case ["health", "live"]:
                _allow(method, "GET")
                return _json({"live": True})
            case ["health", "ready"]:
                _allow(method, "GET")
                ready = self._inference.server_ready()
                return _json({"ready": ready}, 200 if ready else 503)
            case ["models"]:
                _allow(method, "GET")
                return _json({"models": self._inference.model_names()})
            case ["repository", "index"]:
                _allow(method, "POST")
                return self._index()
            case ["repository", "models", _, "load" | "unload"]:
                _allow(method, "POST")
                raise InvalidInput(
                    "", "versions come from the parameter server: use promote, pin or rollback"
                )
            case ["models", model, "versions", version, *rest]:
                return await self._model(scope, receive, model, version, rest)
            case ["models", model, *rest]:
                return await self._model(scope, receive, model, "", rest)
        raise NoSuchRoute(path)

    async def _model(
        self, scope: Scope, receive: Receive, model: str, version: str, rest: list[str]
    ) -> Reply:
        method: str = scope["method"]
        match rest:
            case []:
                _allow(method, "GET")
                return self._metadata(model, version)
            case ["ready"]:
                _allow(method, "GET")
                ready = self._inference.model_ready(model, version)
                return _json({"name": model, "ready": ready}, 200 if ready else 503)
            case ["infer"]:
                _allow(method, "POST")
                body = await read_body(scope, receive, self._max_body_bytes)
                return await self._infer(model, version, body, header(scope, HEADER_LENGTH))
        raise NoSuchRoute(scope["path"])

    def _index(self) -> Reply:
        entries = []
        for name in self._inference.model_names():
            ready = self._inference.model_ready(name, "")
            versions = self._inference.metadata(name, "").versions or ("",)
            state, reason = ("READY", "") if ready else ("UNAVAILABLE", "not trained yet")
            entries += [{"name": name, "version": v, "state": state, "reason": reason} for v in versions]
        return _json(entries)

    def _metadata(self, model: str, version: str) -> Reply:
        found = self._inference.metadata(model, version)
        return _json(
            {
                "name": found.name,
                "versions": found.versions,
                "platform": found.platform,
                "inputs": [_info(tensor) for tensor in found.inputs],
                "outputs": [_info(tensor) for tensor in found.outputs],
            }
        )

    async def _infer(self, model: str, version: str, body: bytes, header_length: bytes) -> Reply:
        text, raw = _split(body, header_length)
        asked = decode(_infer_decoder, text)
        inferred = await self._inference.infer(
            model, version, asked.id, _inputs(asked.inputs, raw), [output.name for output in asked.outputs]
        )
        as_bytes = asked.parameters.get("binary_data_output") is True
        wishes = {
            output.name: output.parameters.get("binary_data", as_bytes) is True for output in asked.outputs
        }
        return _inferred(inferred, {t.name: wishes.get(t.name, as_bytes) for t in inferred.outputs})


def _allow(method: str, allowed: str) -> None:
    if method != allowed:
        raise MethodNotAllowed(method, allowed)


def _json(content: Any, status: int = 200) -> Reply:
    return Reply(_encoder.encode(content), status)


def _info(tensor: TensorInfo) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape}


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
        path = f"inputs.{shown_name(given.name)}"
        shape = tuple(given.shape)
        count = check_shape(given.name, given.datatype, shape)
        size = given.parameters.get("binary_data_size")
        if size is None:
            values: Sequence[Any] = _json_values(f"{path}.data", given.datatype, count, given.data)
        else:
            if type(size) is not int or not 0 <= size <= len(raw) - position:
                raise InvalidInput(f"{path}.parameters.binary_data_size", "expected the bytes that follow")
            piece = bytes(raw[position : position + size])
            values = values_from_bytes(given.name, given.datatype, count, piece)
            position += size
        tensors.append(Tensor(given.name, given.datatype, shape, values))
    if position != len(raw):
        raise InvalidInput("inputs", f"{len(raw) - position} bytes follow that belong to no tensor")
    return tensors


def _json_values(path: str, datatype: str, count: int, data: Any) -> list[Any]:
    """Elements given as JSON, nested or flat."""
    if datatype == "FP16":
        raise InvalidInput(path, "FP16 has no JSON form; send it as binary data")
    if not isinstance(data, list):
        raise InvalidInput(path, "expected a list")
    values = data
    if data and isinstance(data[0], list):
        if not all(isinstance(row, list) for row in data):
            raise InvalidInput(path, "expected either a flat list or a list of rows")
        values = [one for row in data for one in row]
    if len(values) != count:
        raise InvalidInput(path, f"expected {count} elements by its shape, got {len(values)}")
    kinds: tuple[type, ...] = (str,) if datatype == "BYTES" else (bool,) if datatype == "BOOL" else (int,)
    if datatype in FLOATS:
        kinds = (int, float)
    numeric = datatype in FLOATS | INTEGERS
    for value in values:
        if not isinstance(value, kinds) or (numeric and isinstance(value, bool)):
            raise InvalidInput(path, f"expected {datatype} elements, got {shown(value)}")
    return values


def _inferred(inferred: Inferred, as_bytes: dict[str, bool]) -> Reply:
    outputs = []
    raw: list[bytes] = []
    for tensor in inferred.outputs:
        output: dict[str, Any] = {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape}
        parameters: dict[str, Any] = {"classes": tensor.classes} if tensor.classes else {}
        if as_bytes[tensor.name]:
            raw.append(tensor_to_bytes(tensor))
            parameters["binary_data_size"] = len(raw[-1])
        else:
            output["data"] = tensor.values
        if parameters:
            output["parameters"] = parameters
        outputs.append(output)
    text = _encoder.encode(
        {
            "model_name": inferred.model,
            "model_version": inferred.version,
            "id": inferred.id,
            "parameters": inferred.parameters,
            "outputs": outputs,
        }
    )
    if not raw:
        return Reply(text)
    length = (HEADER_LENGTH, str(len(text)).encode())
    return Reply(text + b"".join(raw), headers=(length,), content_type=OCTETS)
