"""What OpenTelemetry's variables say of whether to trace: ``OTEL_…`` in the environment."""

from __future__ import annotations

from pydantic_settings import BaseSettings, SettingsConfigDict


class TracingSettings(BaseSettings):
    """Whether OpenTelemetry's variables ask for traces. All others of them are read by its SDK alone."""

    model_config = SettingsConfigDict(env_prefix="OTEL_", extra="ignore")

    sdk_disabled: str = ""
    """``true``: no traces, whatever else is said."""

    traces_exporter: str = ""
    """Names of exporters, separated by commas: otlp, console, none, or what an installed package offers.
    Empty: otlp where an endpoint is named, else none."""

    exporter_otlp_endpoint: str = ""
    """Where the collector is, such as http://collector:4317."""

    exporter_otlp_traces_endpoint: str = ""
    """The same for traces alone."""

    exporter_otlp_protocol: str = "grpc"
    """grpc, or http/protobuf where its exporter is installed."""

    exporter_otlp_traces_protocol: str = ""
    """The same for traces alone."""

    def exporters(self) -> list[str]:
        """Names of the exporters as their packages register them; empty: no traces."""
        if self.sdk_disabled.strip().lower() == "true":
            return []
        endpoint = self.exporter_otlp_traces_endpoint or self.exporter_otlp_endpoint
        wanted = self.traces_exporter.strip() or ("otlp" if endpoint else "none")
        protocol = self.exporter_otlp_traces_protocol or self.exporter_otlp_protocol
        over = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}.get(protocol, protocol)
        names = [name.strip() for name in wanted.split(",")]
        return [over if name == "otlp" else name for name in names if name not in ("", "none")]
