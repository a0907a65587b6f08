"""Where a stack is: what the caller says, else the environment, else the run folder of `riverrun up`."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from riverrun.client.run_folder import RunFolder
from riverrun.core.errors import InvalidInput, Unavailable

SERVER_VARIABLE = "RIVERRUN_SERVER"
SERVING_VARIABLE = "RIVERRUN_SERVING"


def server_address(given: str, data: Path) -> str:
    """``host:port`` of the parameter server. Raises `InvalidInput`, `Unavailable` when nothing says it."""
    address = given or os.environ.get(SERVER_VARIABLE, "")
    if not address:
        return f"127.0.0.1:{_recorded_port('param-server', 'grpc', 'server', SERVER_VARIABLE, data)}"
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        raise InvalidInput("server", f"expected host:port such as 127.0.0.1:8002, got {address[:100]!r}")
    return address


def serving_url(given: str, data: Path, *, tls: bool = False) -> str:
    """Base URL of a serving process, https where `tls` and the caller says nothing else.

    Raises `InvalidInput`, `Unavailable` when nothing says it.
    """
    url = given or os.environ.get(SERVING_VARIABLE, "")
    scheme = "https" if tls else "http"
    if not url:
        return f"{scheme}://127.0.0.1:{_recorded_port('serving', 'rest', 'serving', SERVING_VARIABLE, data)}"
    if "://" not in url:
        url = f"{scheme}://{url}"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise InvalidInput("serving", f"expected a base URL such as http://127.0.0.1:8000, got {url[:100]!r}")
    return url.rstrip("/")


def _recorded_port(service: str, kind: str, option: str, variable: str, data: Path) -> int:
    for record in RunFolder(data).read():
        if record.service == service and record.is_running and kind in record.ports:
            return record.ports[kind]
    raise Unavailable(
        "the parameter server" if service == "param-server" else "serving",
        f"no address: start `riverrun up`, or give {option}, {variable}, or the data folder of a running "
        f"stack (looked in {data})",
    )
