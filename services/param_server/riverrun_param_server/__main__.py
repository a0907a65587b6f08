"""``python -m riverrun_param_server``: settings from ``RIVERRUN_PARAM_SERVER_*``."""

from __future__ import annotations

import sys

import riverrun.rpc.transport  # noqa: F401  # before anything imports grpc
from riverrun.runtime.lifecycle import run_service
from riverrun.runtime.logs import set_up_logs
from riverrun_param_server.app import serve
from riverrun_param_server.settings import ParamServerSettings


def main() -> int:
    """Run until a signal; the exit status."""
    settings = ParamServerSettings()
    set_up_logs("param-server", level=settings.log_level, form=settings.log_format)
    return run_service(lambda stop: serve(settings, stop))


if __name__ == "__main__":
    sys.exit(main())
