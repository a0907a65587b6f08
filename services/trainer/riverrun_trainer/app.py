"""The trainer put together from its settings."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import replace

import structlog

from riverrun.learners.factories import Factories
from riverrun.rpc.channels import open_channel
from riverrun.rpc.credentials import Credentials
from riverrun.rpc.event_log import RemoteEventLog
from riverrun.rpc.experiments_client import ExperimentsClient
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.retrain_client import RetrainClient
from riverrun.rpc.server_security import server_security
from riverrun.runtime.clock import Clock, SystemClock
from riverrun.runtime.lifecycle import NotFinished, Stop, run_until_stopped
from riverrun.runtime.status_app import serving_http, status_app
from riverrun_trainer.line_context import Surroundings
from riverrun_trainer.retraining.course import RetrainCourse
from riverrun_trainer.retraining.runner import RetrainRunner
from riverrun_trainer.settings import TrainerSettings
from riverrun_trainer.trainer import Trainer

log = structlog.get_logger()


async def serve(settings: TrainerSettings, stop: Stop, *, clock: Clock | None = None) -> None:
    """Train until `stop` is asked for; the last versions are published when this returns.

    Raises `NotFinished` where that was before the end of a retrain, so that whoever runs this process starts
    it again.
    """
    async with (
        server_security(settings, clock or SystemClock()) as security,
        open_channel(settings.param_server, Credentials.of(settings)) as channel,
    ):
        around = Surroundings(
            client=ParameterClient(channel),
            arms=ExperimentsClient(channel),
            event_log=RemoteEventLog(channel),
            stop=stop,
            trainer_id=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}",
            factories=Factories.parse(settings.factories),
            report_every_s=settings.report_every_s,
            max_model_bytes=settings.max_model_bytes,
            clock=clock or SystemClock(),
            max_open=settings.max_open,
            retrains=RetrainClient(channel),
        )
        trainer = _trainer(settings, around)
        status = status_app(alive=lambda: trainer.is_alive(settings.live_s), ready=trainer.why_not_ready)
        # Probes and metrics alone, which the table opens to anyone: no gate.
        async with serving_http(
            status, settings.host, settings.http_port, settings.drain_s, security.http
        ) as port:
            log.info("the trainer is up", http_port=port, param_server=settings.param_server)
            await run_until_stopped(stop, trainer.run())
    log.info("the trainer has stopped")
    if isinstance(trainer, RetrainRunner) and not trainer.is_over:
        raise NotFinished(f"retrain {settings.retrain}")


def _trainer(settings: TrainerSettings, around: Surroundings) -> Trainer | RetrainRunner:
    if not settings.retrain:
        return Trainer(around, settings.models, drain_s=settings.drain_s)
    assert around.retrains is not None
    model, _, line = settings.retrain.partition(":")
    course = RetrainCourse(model, int(line), around, around.retrains)
    # What is found in history starts no retrain.
    around = replace(around, course=course, retrains=None)
    return RetrainRunner(around, model, int(line), drain_s=settings.drain_s)
