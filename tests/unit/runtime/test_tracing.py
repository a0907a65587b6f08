"""When traces are made, by OpenTelemetry's variables, and that they cost nothing else."""

from __future__ import annotations

import subprocess
import sys

import pytest

from riverrun.runtime.tracing_settings import TracingSettings

SERVE = """
import sys
from riverrun.runtime.tracing import is_on, span, tracing
with tracing("riverrun-test"), span("work"):
    print(is_on(), "opentelemetry.sdk" in sys.modules)
"""


@pytest.mark.parametrize(
    ("environment", "exporters"),
    [
        ({}, []),
        ({"EXPORTER_OTLP_ENDPOINT": "http://a:4317"}, ["otlp_proto_grpc"]),
        ({"EXPORTER_OTLP_TRACES_ENDPOINT": "http://a:4317"}, ["otlp_proto_grpc"]),
        ({"TRACES_EXPORTER": "otlp"}, ["otlp_proto_grpc"]),
        ({"TRACES_EXPORTER": "otlp", "EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, ["otlp_proto_http"]),
        ({"TRACES_EXPORTER": "console, otlp"}, ["console", "otlp_proto_grpc"]),
        ({"TRACES_EXPORTER": "none", "EXPORTER_OTLP_ENDPOINT": "http://a:4317"}, []),
        ({"TRACES_EXPORTER": "otlp", "SDK_DISABLED": "TRUE"}, []),
    ],
)
def test_the_standard_variables_say_whether_there_are_traces(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], exporters: list[str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(f"OTEL_{name}", value)

    assert TracingSettings().exporters() == exporters


def _serve(**environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SERVE],
        env={"PYTHONPATH": ":".join(sys.path), **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout + done.stderr


def test_without_them_nothing_of_opentelemetry_is_imported() -> None:
    assert _serve() == "False False\n"


def test_an_exporter_that_is_not_installed_is_said_and_done_without() -> None:
    said = _serve(OTEL_TRACES_EXPORTER="zipkin")

    assert "no exporter zipkin is installed; there are: console, otlp_proto_grpc" in said
    assert "False True" in said


def test_a_span_is_what_the_console_exporter_prints() -> None:
    said = _serve(OTEL_TRACES_EXPORTER="console", OTEL_SERVICE_NAME="named")

    assert '"name": "work"' in said
    assert '"service.name": "named"' in said


def test_a_collector_that_is_away_holds_up_no_stop_for_long() -> None:
    said = _serve(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", OTEL_EXPORTER_OTLP_TIMEOUT="600")

    assert "True True" in said
