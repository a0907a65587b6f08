"""Every object of a serving process, built from its settings and wired."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import secrets
import socket
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

import grpc
import structlog

from riverrun.core.errors import PermissionDenied, RiverrunError, Unauthenticated, Unavailable
from riverrun.core.versions import Manifest
from riverrun.learners.factories import Factories
from riverrun.rpc.access.http_guard import Refused
from riverrun.rpc.access.policy import serving_policy
from riverrun.rpc.append_stream import AppendStream
from riverrun.rpc.channels import open_channel
from riverrun.rpc.credentials import Credentials
from riverrun.rpc.params_client import PEER, ParameterClient
from riverrun.rpc.server_security import server_security
from riverrun.rpc.servers import serving_grpc
from riverrun.runtime import tracing
from riverrun.runtime.clock import Clock, SystemClock
from riverrun.runtime.lifecycle import Stop, run_until_stopped
from riverrun.runtime.round_budget import RoundBudget
from riverrun.runtime.status_app import serving_http
from riverrun_serving.bounds import grpc_bounds, http_bounds
from riverrun_serving.core.append_queue import AppendQueue
from riverrun_serving.core.inference import Inference
from riverrun_serving.core.prediction_log import PredictionLog
from riverrun_serving.core.readiness import Readiness
from riverrun_serving.core.served_models import ServedModels
from riverrun_serving.core.traffic import Traffic
from riverrun_serving.grpc_edge.health import keep_health
from riverrun_serving.grpc_edge.messages import POOL, SERVICE
from riverrun_serving.grpc_edge.servicer import InferenceServicer
from riverrun_serving.rest_edge.edge import RestEdge
from riverrun_serving.rest_edge.inference_routes import InferenceRoutes
from riverrun_serving.rest_edge.information import information_app
from riverrun_serving.rest_edge.native_routes import NativeRoutes
from riverrun_serving.rest_edge.places import place_of
from riverrun_serving.rest_edge.statuses import refused
from riverrun_serving.rest_edge.traced_edge import TracedEdge
from riverrun_serving.settings import ServingSettings
from riverrun_serving.sync.cache_writer import CacheWriter
from riverrun_serving.sync.last_good import LastGoodFolder
from riverrun_serving.sync.synchronizer import Synchronizer
from riverrun_serving.sync.weights import LearnedWeights

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Serving:
    """A serving process that runs: its ports, what it serves, and the tasks that keep it going.

    `roots` ends only by an error, until the block that holds this ends.
    """

    rest_port: int
    grpc_port: int
    models: ServedModels
    synchronizer: Synchronizer
    readiness: Readiness
    roots: asyncio.Task[None]


@contextlib.asynccontextmanager
async def running(settings: ServingSettings, clock: Clock | None = None) -> AsyncIterator[Serving]:
    """Serve while the block runs. Raises OSError when a port is taken.

    When the block ends the process turns not ready first, then calls in progress end, at most
    `drain_s`, then everything closes; an error that ended `roots` is raised then.
    """
    clock = clock or SystemClock()
    models = ServedModels()
    async with contextlib.AsyncExitStack() as stack:
        security = await stack.enter_async_context(server_security(settings, clock))
        rpcs, routes = serving_policy(open_predictions=settings.open_predictions)
        credentials = Credentials.of(settings)
        channel = open_channel(settings.param_server, credentials)
        stack.push_async_callback(channel.close)
        weights_channel = channel
        if settings.follow:
            weights_channel = open_channel(settings.follow, credentials)
            stack.push_async_callback(weights_channel.close)
        client = ParameterClient(weights_channel)
        cache = None
        if settings.cache_dir is not None:
            cache = CacheWriter(LastGoodFolder(settings.cache_dir), settings.cache_every_s)
        weights = LearnedWeights(Factories(frozenset(settings.factories)), settings.max_weights_bytes)
        readiness = Readiness(models)
        synchronizer = Synchronizer(
            models, client, weights, clock, readiness, wanted=settings.models, cache=cache
        )
        await synchronizer.load_cache()

        appends = AppendStream(channel, deadline_s=settings.log_deadline_s)
        queue = await stack.enter_async_context(AppendQueue(await stack.enter_async_context(appends)))
        predictions = await stack.enter_async_context(
            PredictionLog(appends, max_bytes=settings.max_unlogged_bytes, drain_s=settings.drain_s)
        )
        traffic = Traffic("rest", models.has)
        rounds = RoundBudget()
        edge = _rest_edge(
            settings, clock, models, synchronizer, readiness, queue, predictions, client, traffic
        )

        def refused_counted(path: str, error: RiverrunError) -> Refused:
            answer = refused(path, error)
            traffic.count(*place_of(path), str(answer.status), 0.0)
            return answer

        rest_port = await stack.enter_async_context(
            serving_http(
                security.guarded(TracedEdge(edge) if tracing.is_on() else edge, routes, refused_counted),
                settings.host,
                settings.rest_port,
                settings.drain_s,
                security.http,
                http_bounds(settings, traffic, rounds),
            )
        )
        servicer = InferenceServicer(
            Inference(models, clock, readiness.why_not, "grpc", predictions),
            Traffic("grpc", models.has),
            rounds,
        )

        def add_services(server: grpc.aio.Server) -> Iterable[str]:
            servicer.add_to(server)
            return [SERVICE]

        grpc_port, healths = await stack.enter_async_context(
            serving_grpc(
                add_services,
                settings.host,
                settings.grpc_port,
                drain_s=settings.drain_s,
                reflection_pool=POOL,
                map_errors=False,
                interceptors=security.interceptors(rpcs),
                credentials=security.grpc_credentials,
                options=grpc_bounds(settings),
                max_calls=settings.queue_requests,
            )
        )
        stop = Stop()
        roots = asyncio.create_task(
            run_until_stopped(
                stop,
                synchronizer.run(_reader_id(), f"{settings.host}:{rest_port}"),
                keep_health(healths, models, readiness.why_not, readiness.moved),
            ),
            name="serving",
        )
        try:
            yield Serving(rest_port, grpc_port, models, synchronizer, readiness, roots)
        finally:
            readiness.stop()
            stop.ask()
            await roots


async def serve(settings: ServingSettings, stop: Stop) -> None:
    """Serve until stopping is asked for, and `linger_s` longer; returns when it is complete.

    Who sends requests here learns late that the process goes away: meanwhile it is not ready, takes new
    connections all the same, and lets each end with its answer.
    """
    async with running(settings) as app:
        # What was imported and built so far stays: the collector need not walk it again and again.
        gc.collect()
        gc.freeze()
        log.info("serving", host=settings.host, rest_port=app.rest_port, grpc_port=app.grpc_port)
        asked = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({asked, app.roots}, return_when=asyncio.FIRST_COMPLETED)
            app.readiness.stop()
            await asyncio.wait({app.roots}, timeout=settings.linger_s)
        finally:
            asked.cancel()
    log.info("stopped")


def _rest_edge(
    settings: ServingSettings,
    clock: Clock,
    models: ServedModels,
    synchronizer: Synchronizer,
    readiness: Readiness,
    queue: AppendQueue,
    predictions: PredictionLog,
    client: ParameterClient,
    traffic: Traffic,
) -> RestEdge:
    async def list_versions(model: str, limit: int, before: int) -> Sequence[Manifest]:
        try:
            return await client.list_versions(model, limit=limit, before=before)
        except (Unauthenticated, PermissionDenied) as error:
            # It is this process that was refused, not who asks here.
            raise Unavailable(PEER, str(error)) from error

    information = information_app(
        models,
        clock,
        why_not_ready=readiness.why_not,
        before_metrics=synchronizer.refresh_ages,
        list_versions=list_versions,
    )
    inference = Inference(models, clock, readiness.why_not, "oip-rest", predictions)
    return RestEdge(
        NativeRoutes(models, queue.append, predictions, clock),
        InferenceRoutes(inference, settings.max_body_bytes, settings.deadline_s),
        information,
        settings.max_body_bytes,
        settings.deadline_s,
        readiness.is_stopping,
        traffic,
    )


def _reader_id() -> str:
    """Unique per process, and telling: the machine's name is the pod's."""
    return f"serving-{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
