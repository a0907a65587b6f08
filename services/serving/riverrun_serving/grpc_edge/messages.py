"""The Open Inference Protocol's messages, in a descriptor pool that nobody else's stubs can clash with."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICE = "inference.GRPCInferenceService"


def _load() -> tuple[Any, dict[str, Any]]:
    found = descriptor_pb2.FileDescriptorSet.FromString(
        files(__package__).joinpath("open_inference.binpb").read_bytes()
    )
    pool = descriptor_pool.DescriptorPool()
    for file in found.file:
        pool.AddSerializedFile(file.SerializeToString())  # type: ignore[no-untyped-call]
    return pool, message_factory.GetMessageClassesForFiles([file.name for file in found.file], pool)


POOL, _classes = _load()

ServerLiveRequest: Any = _classes["inference.ServerLiveRequest"]
ServerLiveResponse: Any = _classes["inference.ServerLiveResponse"]
ServerReadyRequest: Any = _classes["inference.ServerReadyRequest"]
ServerReadyResponse: Any = _classes["inference.ServerReadyResponse"]
ModelReadyRequest: Any = _classes["inference.ModelReadyRequest"]
ModelReadyResponse: Any = _classes["inference.ModelReadyResponse"]
ServerMetadataRequest: Any = _classes["inference.ServerMetadataRequest"]
ServerMetadataResponse: Any = _classes["inference.ServerMetadataResponse"]
ModelMetadataRequest: Any = _classes["inference.ModelMetadataRequest"]
ModelMetadataResponse: Any = _classes["inference.ModelMetadataResponse"]
ModelInferRequest: Any = _classes["inference.ModelInferRequest"]
ModelInferResponse: Any = _classes["inference.ModelInferResponse"]
ModelStreamInferResponse: Any = _classes["inference.ModelStreamInferResponse"]
ModelConfigRequest: Any = _classes["inference.ModelConfigRequest"]
ModelConfigResponse: Any = _classes["inference.ModelConfigResponse"]
ModelStatisticsRequest: Any = _classes["inference.ModelStatisticsRequest"]
ModelStatisticsResponse: Any = _classes["inference.ModelStatisticsResponse"]
RepositoryIndexRequest: Any = _classes["inference.RepositoryIndexRequest"]
RepositoryIndexResponse: Any = _classes["inference.RepositoryIndexResponse"]
RepositoryModelLoadRequest: Any = _classes["inference.RepositoryModelLoadRequest"]
RepositoryModelUnloadRequest: Any = _classes["inference.RepositoryModelUnloadRequest"]
