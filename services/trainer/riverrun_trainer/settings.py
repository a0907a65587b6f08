"""The settings of the trainer: ``RIVERRUN_TRAINER_…`` in the environment."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from riverrun.runtime.settings import ServiceSettings


class TrainerSettings(ServiceSettings):
    """Everything a trainer is told. Read once at start."""

    model_config = SettingsConfigDict(env_prefix="RIVERRUN_TRAINER_", populate_by_name=True)

    http_port: int = Field(default=8004, ge=0, le=65535)
    """Port of /livez, /readyz and /metrics; 0 takes a free one."""

    param_server: str = "127.0.0.1:8002"
    """host:port of the parameter server, which holds the event log too."""

    models: Annotated[tuple[str, ...], NoDecode] = ()
    """Names of the models to train, separated by commas. Empty: every model that is registered."""

    retrain: Annotated[str, Field(pattern=r"^([a-z0-9-]+:[1-9][0-9]*)?$")] = ""
    """A retrain to run, as ``model:line``: this process trains that line alone, and ends once it has taken
    over or was given up. Empty: train the lines of `models`."""

    factories: Annotated[tuple[str, ...], NoDecode] = Field(default=(), validation_alias="RIVERRUN_FACTORIES")
    """The users' own code that may be imported, as ``package.module:name`` separated by commas.
    A model that names another factory is not trained, and says so."""

    report_every_s: float = Field(default=1.0, gt=0)
    """Seconds between two reports of progress, well below the parameter server's lease."""

    max_model_bytes: int = Field(default=512 << 20, gt=0)
    """Largest state of one model that is taken from the parameter server, both sides together."""

    max_open: int = Field(default=1_000_000, ge=1)
    """Predictions of one model, with and without their label, that are remembered until they are closed. Past
    it the oldest are given up, and counted; a million of them take about a gibibyte."""

    live_s: float = Field(default=30.0, gt=0)
    """Seconds without a tick of a learning loop after which /livez fails (DECISIONS 25)."""

    @field_validator("models", "factories", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value
