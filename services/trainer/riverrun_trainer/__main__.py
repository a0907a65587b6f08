"""``python -m riverrun_trainer``: read the settings, set up the logs, train."""

from __future__ import annotations

import sys

import riverrun.rpc.transport  # before anything imports grpc
import riverrun.runtime.lean_imports  # noqa: F401  # before anything imports structlog
from riverrun.runtime.lifecycle import run_service
from riverrun.runtime.logs import set_up_logs
from riverrun.runtime.settings import settings_of_process
from riverrun.runtime.tracing import tracing
from riverrun_trainer.app import serve
from riverrun_trainer.settings import TrainerSettings


def main() -> int:
    """Run until SIGTERM or SIGINT; the exit status."""
    settings = settings_of_process(TrainerSettings)
    set_up_logs("trainer", level=settings.log_level, form=settings.log_format)
    with tracing("riverrun-trainer"):
        return run_service(lambda stop: serve(settings, stop))


if __name__ == "__main__":
    sys.exit(main())
