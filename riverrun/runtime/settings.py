"""What the settings of all services share. Read once at start, passed in, never looked up again."""

from __future__ import annotations

from typing import Literal, TypeVar

from pydantic import Field, model_validator
from pydantic_settings import CliApp, SettingsConfigDict

from riverrun.runtime.loopback import is_loopback
from riverrun.runtime.security_settings import TlsSettings


class ServiceSettings(TlsSettings):
    """Settings that every service has; a subclass sets the prefix ``RIVERRUN_<SERVICE>_``."""

    model_config = SettingsConfigDict(extra="forbid")

    host: str = "127.0.0.1"
    """Address to listen on. Loopback needs no credentials; any other needs TLS and tokens, or `insecure`."""

    insecure: bool = False
    """Listen on another address than loopback without TLS or without tokens. Never a default."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lines below this level are left out."""

    log_format: Literal["auto", "json", "console"] = "auto"
    """json: one object a line; console: for people; auto: console on a terminal, else json."""

    drain_s: float = Field(default=5.0, ge=0)
    """Seconds that calls in progress may take to end once the process is asked to stop."""

    @model_validator(mode="after")
    def _is_safe_to_listen(self) -> ServiceSettings:
        missing = self.unprotected()
        if missing and not self.insecure and not is_loopback(self.host):
            raise ValueError(
                f"host {self.host} is not loopback: listening there needs {' and '.join(missing)}; "
                "say insecure to do without"
            )
        return self


S = TypeVar("S", bound=ServiceSettings)


def settings_of_process(kind: type[S]) -> S:
    """The settings of this process: what its command line says, else the environment, else the defaults.

    Ends the process for an option that does not exist, and for ``--help``.
    """
    return CliApp.run(kind)
