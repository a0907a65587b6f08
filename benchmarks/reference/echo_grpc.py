"""A bare grpc.aio echo of a ModelInfer request: decoded, and sent back as it came."""

from __future__ import annotations

import sys
from typing import Any

import grpc
import uvloop
from tritonclient.grpc import service_pb2

METHOD = "/benchmark.Echo/ModelInfer"


async def echo(request: Any, _: grpc.aio.ServicerContext[Any, Any]) -> Any:
    """Answer with what came."""
    return request


async def serve(port: int) -> None:
    """Serve the echo until the process is ended."""
    handler = grpc.unary_unary_rpc_method_handler(
        echo,
        request_deserializer=service_pb2.ModelInferRequest.FromString,
        response_serializer=service_pb2.ModelInferRequest.SerializeToString,
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("benchmark.Echo", {"ModelInfer": handler}),)
    )
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    # The loop that our services run on.
    uvloop.run(serve(int(sys.argv[1])))
