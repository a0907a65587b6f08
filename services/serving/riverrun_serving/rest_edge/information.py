"""The routes that nobody calls a thousand times a second: probes, metrics, models, documentation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from riverrun.core.errors import InvalidInput, RiverrunError
from riverrun.core.versions import Manifest
from riverrun.runtime.clock import Clock
from riverrun_serving.core.inference import SERVER_VERSION
from riverrun_serving.core.model_status import manifest_json, model_json
from riverrun_serving.core.served_models import ServedModels
from riverrun_serving.rest_edge.exchange import Reply
from riverrun_serving.rest_edge.openapi import error_answers, hot_paths
from riverrun_serving.rest_edge.statuses import MethodNotAllowed, NoSuchRoute, native_error

ListVersions = Callable[[str, int, int], Awaitable[Sequence[Manifest]]]
"""Versions of a model, newest first, from the parameter server: (model, limit, before)."""


def information_app(
    models: ServedModels,
    clock: Clock,
    *,
    why_not_ready: Callable[[], str],
    before_metrics: Callable[[], None],
    list_versions: ListVersions,
) -> FastAPI:
    """The FastAPI application behind the hot routes; its documentation shows those too."""
    app = FastAPI(
        title="riverrun serving",
        version=SERVER_VERSION,
        description="Predictions of models that learn online, and the feedback they learn from.",
        # Named here, or FastAPI documents an error of its own that nobody is ever answered with.
        responses=error_answers(),
    )
    _answer_errors_our_way(app)

    @app.get("/", summary="Whether the process answers", tags=["probes"])
    async def root() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/livez", summary="Whether the process is alive", tags=["probes"])
    async def livez() -> dict[str, bool]:
        return {"live": True}

    @app.get(
        "/readyz",
        summary="Whether every model registered at start has weights",
        responses={503: {"description": "Not ready; `reason` says why"}},
        tags=["probes"],
    )
    async def readyz() -> Response:
        why = why_not_ready()
        return _json({"ready": not why} | ({"reason": why} if why else {}), 503 if why else 200)

    @app.get(
        "/metrics",
        summary="Prometheus metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
        tags=["probes"],
    )
    async def metrics() -> Response:
        before_metrics()
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/v1/models", summary="All models", tags=["models"])
    async def list_models() -> Response:
        now = clock.monotonic()
        return _json({"models": [model_json(model, now) for model in models]})

    @app.get("/v1/models/{model}", summary="One model: channels, freshness, metrics", tags=["models"])
    async def get_model(model: str) -> Response:
        return _json(model_json(models.model(model), clock.monotonic()))

    @app.get(
        "/v1/models/{model}/versions",
        summary="Versions of a model, newest first, from the parameter server",
        tags=["models"],
    )
    async def get_versions(
        model: str, limit: int = Query(100, ge=1, le=1000), before: int = Query(0, ge=0, le=2**63 - 1)
    ) -> Response:
        models.model(model)
        versions = await list_versions(model, limit, before)
        return _json({"versions": [manifest_json(manifest) for manifest in versions]})

    default_openapi = app.openapi

    def openapi() -> dict[str, Any]:
        schema = default_openapi()
        schema["paths"] |= hot_paths()
        return schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it
    return app


def _answer_errors_our_way(app: FastAPI) -> None:
    """Every error is ``{"error": …}``; FastAPI's ``detail`` is known to nobody's client."""

    async def ours(_request: Request, error: Exception) -> Response:
        return _response(native_error(error))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 405:
            allowed = (error.headers or {}).get("Allow", "")
            return _response(native_error(MethodNotAllowed(request.method, allowed)))
        return _response(native_error(NoSuchRoute(request.url.path)))

    async def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        return _response(native_error(InvalidInput(str(first["loc"][-1]), first["msg"].lower())))

    app.add_exception_handler(RiverrunError, ours)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, ours)


def _json(content: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def _response(reply: Reply) -> Response:
    headers = {name.decode(): value.decode() for name, value in reply.headers}
    return Response(reply.body, reply.status, headers, media_type=reply.content_type.decode())
