"""The protocol's descriptors: what the proto gives, beside another stub of the same package."""

from __future__ import annotations

import pytest
from riverrun_serving.grpc_edge import messages


def test_the_committed_descriptors_are_what_the_proto_gives() -> None:
    generator = pytest.importorskip("scripts.generate_inference")

    assert generator.TARGET.read_bytes() == generator.generated()


def test_they_live_beside_tritonclients_in_one_process() -> None:
    from tritonclient.grpc import service_pb2

    theirs = service_pb2.ModelInferRequest(model_name="m", id="7")
    theirs.inputs.add(name="x", datatype="FP64", shape=[2])
    theirs.raw_input_contents.append(b"12345678" * 2)

    ours = messages.ModelInferRequest.FromString(theirs.SerializeToString())

    assert ours.SerializeToString(deterministic=True) == theirs.SerializeToString(deterministic=True)
    assert ours.DESCRIPTOR.file.pool is not theirs.DESCRIPTOR.file.pool


def test_every_field_of_theirs_has_the_number_and_type_of_ours() -> None:
    from tritonclient.grpc import service_pb2

    for name in ("ModelInferRequest", "ModelInferResponse", "InferTensorContents", "InferParameter"):
        theirs = {f.name: (f.number, f.type, f.label) for f in getattr(service_pb2, name).DESCRIPTOR.fields}
        found = messages.POOL.FindMessageTypeByName(f"inference.{name}")
        assert {f.name: (f.number, f.type, f.label) for f in found.fields} == theirs, name
