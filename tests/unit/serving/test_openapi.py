"""The documentation shows every route, those that bypass FastAPI included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from riverrun_serving.core.served_models import ServedModels
from riverrun_serving.rest_edge.information import information_app

from riverrun.core.versions import Manifest
from tests.unit.serving.in_test_predictor import FakeClock


async def _no_versions(_model: str, _limit: int, _before: int) -> Sequence[Manifest]:
    return []


def _schema() -> dict[str, Any]:
    app = information_app(
        ServedModels(),
        FakeClock(),
        why_not_ready=lambda: "",
        before_metrics=lambda: None,
        list_versions=_no_versions,
    )
    return app.openapi()


def test_every_route_is_documented() -> None:
    assert set(_schema()["paths"]) == {
        "/",
        "/livez",
        "/readyz",
        "/metrics",
        "/v1/models",
        "/v1/models/{model}",
        "/v1/models/{model}/versions",
        "/v1/models/{model}:predict",
        "/v1/models/{model}/versions/{version}:predict",
        "/v1/models/{model}:feedback",
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models",
        "/v2/models/stats",
        "/v2/models/{model}",
        "/v2/models/{model}/ready",
        "/v2/models/{model}/config",
        "/v2/models/{model}/stats",
        "/v2/models/{model}/infer",
        "/v2/models/{model}/versions/{version}",
        "/v2/models/{model}/versions/{version}/ready",
        "/v2/models/{model}/versions/{version}/config",
        "/v2/models/{model}/versions/{version}/stats",
        "/v2/models/{model}/versions/{version}/infer",
        "/v2/repository/index",
        "/v2/repository/models/{model}/load",
        "/v2/repository/models/{model}/unload",
    }


def test_every_operation_says_what_it_answers() -> None:
    for path, item in _schema()["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                assert operation["summary"], (method, path)
                assert operation["responses"], (method, path)


def test_every_path_parameter_is_declared() -> None:
    for path, item in _schema()["paths"].items():
        for method, operation in item.items():
            if method == "parameters":
                continue
            declared = {
                one["name"] for one in [*item.get("parameters", []), *operation.get("parameters", [])]
            }
            assert {name for name in ("model", "version") if f"{{{name}}}" in path} <= declared, path
