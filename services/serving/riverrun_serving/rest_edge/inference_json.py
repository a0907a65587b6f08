"""Answers of the Open Inference Protocol as JSON, and outputs as raw bytes after it where they are wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from riverrun_serving.core.inference import Inferred, ModelMetadata, VersionState
from riverrun_serving.core.model_config import BACKEND, MAX_BATCH_SIZE, ModelConfig, config_type
from riverrun_serving.core.request_meter import ChannelStatistics
from riverrun_serving.core.tensor_bytes import tensor_to_bytes
from riverrun_serving.core.tensors import TensorInfo
from riverrun_serving.rest_edge.exchange import Reply
from riverrun_serving.rest_edge.inference_body import HEADER_LENGTH

OCTETS = b"application/octet-stream"

_encoder = msgspec.json.Encoder()


def inferred_reply(inferred: Inferred, as_bytes: Mapping[str, bool]) -> Reply:
    """An answered inference; the outputs that `as_bytes` names go as raw bytes."""
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


def json_reply(content: Any, status: int = 200) -> Reply:
    """`content` as JSON."""
    return Reply(_encoder.encode(content), status)


def metadata_json(found: ModelMetadata) -> dict[str, Any]:
    """A model's metadata."""
    return {
        "name": found.name,
        "versions": found.versions,
        "platform": found.platform,
        "inputs": [_tensor_json(tensor) for tensor in found.inputs],
        "outputs": [_tensor_json(tensor) for tensor in found.outputs],
    }


def config_json(config: ModelConfig) -> dict[str, Any]:
    """A model's configuration."""
    return {
        "name": config.name,
        "platform": config.platform,
        "backend": BACKEND,
        "max_batch_size": MAX_BATCH_SIZE,
        "input": [
            {
                "name": one.tensor.name,
                "data_type": one.data_type,
                "dims": one.tensor.shape,
                "optional": one.optional,
            }
            for one in config.inputs
        ],
        "output": [
            {"name": one.name, "data_type": config_type(one.datatype), "dims": one.shape}
            for one in config.outputs
        ],
    }


def state_json(state: VersionState) -> dict[str, str]:
    """One entry of the repository index."""
    return {"name": state.model, "version": state.version, "state": state.state, "reason": state.why_not}


def statistics_json(found: ChannelStatistics) -> dict[str, Any]:
    """One channel's statistics. Nothing waits behind other requests, and the parts are not measured apart."""
    answered = {"count": found.answered, "ns": found.answered_ns}
    none = {"count": 0, "ns": 0}
    return {
        "name": found.model,
        "version": "" if found.version is None else str(found.version),
        "last_inference": found.last_ms,
        "inference_count": found.rows,
        "execution_count": found.answered,
        "inference_stats": {
            "success": answered,
            "fail": {"count": found.failed, "ns": found.failed_ns},
            "queue": none,
            "compute_input": none,
            "compute_infer": answered,
            "compute_output": none,
        },
        "batch_stats": [],
    }


def _tensor_json(tensor: TensorInfo) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape}
