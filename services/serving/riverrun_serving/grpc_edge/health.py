"""gRPC health: the whole process as ``""`` and the service's name, each model by its own name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from grpc_health.v1 import health, health_pb2

from riverrun_serving.core.served_models import ServedModels
from riverrun_serving.grpc_edge.messages import SERVICE

_Status = health_pb2.HealthCheckResponse


async def keep_health(
    healths: health.aio.HealthServicer,
    models: ServedModels,
    why_not_ready: Callable[[], str],
    moved: asyncio.Event,
) -> None:
    """Keep `healths` at what is true, for ever; `moved` is set when it may have changed."""
    said: dict[str, bool] = {}
    while True:
        moved.clear()
        ready = not why_not_ready()
        now = {"": ready, SERVICE: ready} | {model.name: model.ready for model in models}
        for name, serves in now.items():
            if said.get(name) != serves:
                await healths.set(name, _Status.SERVING if serves else _Status.NOT_SERVING)
        for name in said.keys() - now.keys():
            await healths.set(name, _Status.SERVICE_UNKNOWN)
        said = now
        await moved.wait()
