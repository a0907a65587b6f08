"""gRPC's own clients of health and reflection."""

from __future__ import annotations

import grpc
from checks import GRPC, check, same
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

SERVICE = "inference.GRPCInferenceService"
SERVING = health_pb2.HealthCheckResponse.SERVING

with grpc.insecure_channel(GRPC) as channel:
    stub = health_pb2_grpc.HealthStub(channel)
    with check("health: Check of the process, the service and each model"):
        for name in ("", SERVICE, "fraud", "clicks"):
            same(stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=30).status, SERVING)
    with check("health: Watch"):
        watch = stub.Watch(health_pb2.HealthCheckRequest(service="fraud"), timeout=30)
        same(next(watch).status, SERVING)
        watch.cancel()
    with check("reflection: services, methods and messages"):
        database = ProtoReflectionDescriptorDatabase(channel)
        same(SERVICE in database.get_services(), True)
        pool = DescriptorPool(database)
        methods = {method.name for method in pool.FindServiceByName(SERVICE).methods}
        same({"ModelInfer", "ModelStreamInfer", "ModelMetadata"} <= methods, True)
        fields = pool.FindMessageTypeByName("inference.ModelInferRequest").fields_by_name
        same("raw_input_contents" in fields, True)
