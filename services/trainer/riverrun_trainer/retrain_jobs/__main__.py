"""``python -m riverrun_trainer.retrain_jobs``: read the settings, set up the logs, make Jobs."""

from __future__ import annotations

import sys

import riverrun.rpc.transport  # noqa: F401  # before anything imports grpc
from riverrun.runtime.lifecycle import run_service
from riverrun.runtime.logs import set_up_logs
from riverrun.runtime.settings import settings_of_process
from riverrun_trainer.retrain_jobs.app import serve
from riverrun_trainer.retrain_jobs.settings import RetrainJobsSettings


def main() -> int:
    """Run until SIGTERM or SIGINT; the exit status."""
    settings = settings_of_process(RetrainJobsSettings)
    set_up_logs("retrain-jobs", level=settings.log_level, form=settings.log_format)
    return run_service(lambda stop: serve(settings, stop))


if __name__ == "__main__":
    sys.exit(main())
