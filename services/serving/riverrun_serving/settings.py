"""The settings of a serving process: ``RIVERRUN_SERVING_…`` in the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from riverrun.runtime.security_settings import AuthSettings
from riverrun.runtime.settings import ServiceSettings


class ServingSettings(ServiceSettings, AuthSettings):
    """Everything a serving process is told. Read once at start."""

    model_config = SettingsConfigDict(env_prefix="RIVERRUN_SERVING_", populate_by_name=True)

    rest_port: int = Field(default=8000, ge=0, le=65535)
    """Port of the REST API; 0 takes a free one."""

    grpc_port: int = Field(default=8001, ge=0, le=65535)
    """Port of gRPC; 0 takes a free one."""

    param_server: str = "127.0.0.1:8002"
    """host:port of the parameter server, which holds the event log too."""

    follow: str = ""
    """host:port of a read replica to take weights from. Empty: the parameter server. Feedback goes to the
    parameter server in any case."""

    models: Annotated[tuple[str, ...], NoDecode] = ()
    """Names of the models to serve, separated by commas. Empty: every model that is registered."""

    cache_dir: Path | None = None
    """Folder for a last-good copy of the weights, to start from when the parameter server is away.
    Empty: no copy is kept, and a restart waits for the parameter server."""

    cache_every_s: float = Field(default=5.0, gt=0)
    """Seconds between two copies of the same weights at least; copies are made in the background."""

    factories: Annotated[tuple[str, ...], NoDecode] = Field(default=(), validation_alias="RIVERRUN_FACTORIES")
    """The users' own code that may be imported, as ``package.module:name`` separated by commas.
    A model that names another factory is refused."""

    max_body_bytes: int = Field(default=4 << 20, ge=1024)
    """Bytes of a request's body at most; counted while reading, and after unpacking."""

    max_weights_bytes: int = Field(default=1 << 30, ge=1 << 20)
    """Bytes of one model's weights at most, unpacked; larger ones are refused, the last good ones stay."""

    open_predictions: bool = False
    """Answer predictions, and questions about models, to callers without a token. Feedback needs one."""

    deadline_s: float = Field(default=1.0, gt=0)
    """Seconds within which a prediction over REST has to be computed where its request names no `timeout`."""

    queue_standing_s: float = Field(default=0.05, gt=0)
    """Seconds that requests may wait in a queue that was not empty for `queue_burst_s`. What would wait
    longer is refused at once, with 503 and Retry-After."""

    queue_burst_s: float = Field(default=0.25, gt=0)
    """Seconds that requests may wait in a queue that was empty of late."""

    queue_requests: int = Field(default=1000, ge=1)
    """Predictions over REST that may wait at most, however fast they are answered; and calls over gRPC in
    progress, streams included."""

    receive_s: float = Field(default=10.0, gt=0)
    """Seconds that a request over REST may take to come in before its connection is closed; the same for the
    handshake of a gRPC connection."""

    max_connections: int = Field(default=4096, ge=1)
    """REST connections at most; further ones are closed at once."""

    log_deadline_s: float = Field(default=5.0, gt=0)
    """Seconds that the event log may take to acknowledge feedback before the caller gets 503."""

    max_unlogged_bytes: int = Field(default=32 << 20, ge=1 << 20)
    """Bytes of predictions at most that wait for the event log; what comes then is answered, not logged, and
    counted as lost."""

    linger_s: float = Field(default=5.0, ge=0)
    """Seconds that the process goes on taking connections once it is asked to stop, and is not ready: as long
    as a Service or a load balancer may take to hear of it. `drain_s` comes after."""

    @field_validator("models", "factories", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value
