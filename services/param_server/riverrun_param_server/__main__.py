"""``python -m riverrun_param_server``: settings from ``RIVERRUN_PARAM_SERVER_*`` or by ``--name``."""

from __future__ import annotations

import sys

import riverrun.rpc.transport  # before anything imports grpc
import riverrun.runtime.lean_imports  # noqa: F401  # before anything imports structlog
from riverrun.runtime.lifecycle import run_service
from riverrun.runtime.logs import set_up_logs
from riverrun.runtime.settings import settings_of_process
from riverrun.runtime.tracing import tracing
from riverrun_param_server.app import serve
from riverrun_param_server.follower.app import follow
from riverrun_param_server.settings import ParamServerSettings


def main() -> int:
    """Run until a signal; the exit status."""
    settings = settings_of_process(ParamServerSettings)
    set_up_logs("param-server", level=settings.log_level, form=settings.log_format)
    run = follow if settings.follow else serve
    with tracing("riverrun-param-server"):
        return run_service(lambda stop: run(settings, stop))


if __name__ == "__main__":
    sys.exit(main())
