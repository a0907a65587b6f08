"""The settings of the controller: ``RIVERRUN_RETRAIN_JOBS_…`` in the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from riverrun.runtime.settings import ServiceSettings

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class RetrainJobsSettings(ServiceSettings):
    """Everything that the controller is told. Read once at start."""

    model_config = SettingsConfigDict(env_prefix="RIVERRUN_RETRAIN_JOBS_", populate_by_name=True)

    http_port: int = Field(default=8004, ge=0, le=65535)
    """Port of /livez, /readyz and /metrics; 0 takes a free one."""

    param_server: str = "127.0.0.1:8002"
    """host:port of the parameter server."""

    job: Path = Path("/etc/riverrun/job/job.json")
    """The Job to make, as JSON: all but its name, its namespace and the setting that says what to retrain."""

    namespace: str = "default"
    """Where Jobs are made."""

    again_s: float = Field(default=30.0, gt=0)
    """Seconds after which each Job that should be there is asked for again, in case it is gone."""

    api_server: str = "https://kubernetes.default.svc"
    """URL of the Kubernetes API server."""

    api_ca_file: Path = _ACCOUNT / "ca.crt"
    """The authority of its certificate (PEM)."""

    api_token_file: Path = _ACCOUNT / "token"
    """The token of the service account that may create Jobs; read again when it changes."""
