"""The controller put together from its settings."""

from __future__ import annotations

import contextlib

import msgspec
import structlog

from riverrun.rpc.access.kubernetes_api import KubernetesApi
from riverrun.rpc.channels import open_channel
from riverrun.rpc.credentials import Credentials
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.server_security import server_security
from riverrun.runtime.clock import SystemClock
from riverrun.runtime.lifecycle import Stop, run_until_stopped
from riverrun.runtime.status_app import serving_http, status_app
from riverrun_trainer.retrain_jobs.controller import RetrainJobs
from riverrun_trainer.retrain_jobs.settings import RetrainJobsSettings

log = structlog.get_logger()


async def serve(settings: RetrainJobsSettings, stop: Stop) -> None:
    """Make Jobs until `stop` is asked for. Raises OSError, ValueError where a file cannot be used."""
    job = msgspec.json.decode(settings.job.read_bytes())
    api = KubernetesApi(settings.api_server, settings.api_ca_file, settings.api_token_file)
    async with (
        contextlib.AsyncExitStack() as closing,
        server_security(settings, SystemClock()) as security,
        open_channel(settings.param_server, Credentials.of(settings)) as channel,
    ):
        closing.push_async_callback(api.close)
        jobs = RetrainJobs(ParameterClient(channel), api, job, settings.namespace, settings.again_s)

        def ready() -> str:
            return "" if jobs.knows_catalogue else "the parameter server was not reached yet"

        # Probes and metrics alone, which the table opens to anyone: no gate.
        status = status_app(alive=lambda: True, ready=ready)
        async with serving_http(
            status, settings.host, settings.http_port, settings.drain_s, security.http
        ) as port:
            log.info("the controller is up", http_port=port, param_server=settings.param_server)
            await run_until_stopped(stop, jobs.run())
