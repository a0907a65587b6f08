"""Settings of the parameter server, read from ``RIVERRUN_PARAM_SERVER_*``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from riverrun.runtime.security_settings import AuthSettings
from riverrun.runtime.settings import ServiceSettings


class ParamServerSettings(ServiceSettings, AuthSettings):
    """What the parameter server can be told."""

    model_config = SettingsConfigDict(env_prefix="RIVERRUN_PARAM_SERVER_", populate_by_name=True)

    port: int = Field(default=8002, ge=0, le=65535)
    """gRPC port; 0 takes a free one."""

    http_port: int = Field(default=8003, ge=0, le=65535)
    """Port of /livez, /readyz and /metrics; 0 takes a free one."""

    data: Path = Path("riverrun-data/param-server")
    """Folder of everything that is kept; made where it is missing. On a real disk: fsync must mean it."""

    follow: str = ""
    """host:port of a parameter server to follow. This process is then a read replica of it: it keeps all
    in memory, serves Pull and Watch, and refuses writes, naming that server. Empty: a server of its own."""

    specs: Path | None = None
    """Folder of model specs (*.yaml, *.yml), registered at start and whenever a file changes; empty: none."""

    factories: Annotated[tuple[str, ...], NoDecode] = Field(default=(), validation_alias="RIVERRUN_FACTORIES")
    """The users' own code that specs may name, as ``package.module:name`` separated by commas. It is never
    imported here: what no pod may import is refused before it is registered."""

    lease_s: float = Field(default=10.0, gt=0)
    """Seconds without a report of progress after which a trainer's session lapses; it reports each second."""

    max_model_bytes: int = Field(default=512 << 20, gt=0)
    """Largest state of one model, both sides together."""

    keep_all_s: float = Field(default=600.0, ge=0)
    """Age in seconds up to which every version is kept: long enough to find what went wrong just now."""

    keep_minutely_s: float = Field(default=86_400.0, ge=0)
    """Age in seconds up to which one version a minute is kept."""

    keep_hourly_s: float = Field(default=30 * 86_400.0, ge=0)
    """Age in seconds up to which one version an hour is kept; older ones go. What is in use always stays."""

    keep_events_s: float = Field(default=7 * 86_400.0, ge=0)
    """Age in seconds up to which events stay in the log's tables; what no durable version contains stays
    longer."""

    keep_history_s: float = Field(default=90 * 86_400.0, ge=0)
    """Age in seconds up to which older events can still be read, from Parquet files beside the log: what a
    retrain learns from. No more than `keep_events_s`: they are dropped, and no files are made."""

    keep_dead_letters: int = Field(default=10_000, ge=1)
    """Dead letters of each model that stay at the most, whatever their age; the oldest go first. Looked at
    every `retention_every_s`."""

    retention_every_s: float = Field(default=10.0, gt=0)
    """Seconds between two looks for versions that may go."""

    deleted_models_s: float = Field(default=7 * 86_400.0, ge=0)
    """Age in seconds after which the versions of a deleted model go; until then it can be brought back."""

    @field_validator("factories", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value
