"""``python -m riverrun_serving``: one serving process, until it is told to stop."""

from __future__ import annotations

import sys

import riverrun.rpc.transport  # before anything imports grpc
import riverrun.runtime.lean_imports  # noqa: F401  # before anything imports structlog
from riverrun.runtime.lifecycle import run_service
from riverrun.runtime.logs import set_up_logs
from riverrun.runtime.settings import settings_of_process
from riverrun.runtime.tracing import tracing
from riverrun_serving.app import serve
from riverrun_serving.settings import ServingSettings


def main() -> int:
    """Read the settings, set up logs, serve; the exit status."""
    settings = settings_of_process(ServingSettings)
    set_up_logs("serving", level=settings.log_level, form=settings.log_format)
    with tracing("riverrun-serving"):
        return run_service(lambda stop: serve(settings, stop))


if __name__ == "__main__":
    sys.exit(main())
