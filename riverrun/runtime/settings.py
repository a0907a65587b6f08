"""What the settings of all services share. Read once at start, passed in, never looked up again."""

from __future__ import annotations

import ipaddress
from typing import Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """Settings that every service has; a subclass sets the prefix ``RIVERRUN_<SERVICE>_``."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    host: str = "127.0.0.1"
    """Address to listen on. Loopback needs no credentials; any other needs `insecure`."""

    insecure: bool = False
    """Listen on another address than loopback without TLS and tokens. Said out loud, never a default."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lines below this level are left out."""

    log_format: Literal["auto", "json", "console"] = "auto"
    """json: one object a line; console: for people; auto: console on a terminal, else json."""

    drain_s: float = Field(default=5.0, ge=0)
    """Seconds that calls in progress may take to end once the process is asked to stop."""

    @model_validator(mode="after")
    def _is_safe_to_listen(self) -> ServiceSettings:
        if not self.insecure and not is_loopback(self.host):
            raise ValueError(
                f"host {self.host} is not loopback: listening there is open to everyone; "
                "say insecure to do it all the same"
            )
        return self


def is_loopback(host: str) -> bool:
    """Whether `host` can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
