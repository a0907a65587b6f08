"""Builds the parameter server from its settings and runs it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import grpc
import structlog

from riverrun.api.events.v1 import events_pb2_grpc
from riverrun.api.retraining.v1 import retraining_pb2_grpc
from riverrun.core.errors import DigestMismatch
from riverrun.events.embedded.log import EmbeddedEventLog
from riverrun.rpc.server_security import server_security
from riverrun.runtime.clock import Clock, SystemClock
from riverrun.runtime.lifecycle import Stop, run_until_stopped
from riverrun_param_server.announcements import Announcements
from riverrun_param_server.backups import Backups
from riverrun_param_server.catalogue import Catalogue
from riverrun_param_server.compaction import Compaction
from riverrun_param_server.completion import Completion
from riverrun_param_server.drift_records import DriftRecords
from riverrun_param_server.evaluations import Evaluations
from riverrun_param_server.event_horizon import horizons_of
from riverrun_param_server.event_log_servicer import EventLogServicer
from riverrun_param_server.experiments.experiments import Experiments
from riverrun_param_server.experiments.servicer import ExperimentServicer, add_experiment_service
from riverrun_param_server.fatal import Fatal
from riverrun_param_server.housekeeping import Housekeeping, HousekeepingPolicy
from riverrun_param_server.identity import renew_store_id
from riverrun_param_server.keeping import Keeping
from riverrun_param_server.param_server import LostHistory, ParamServer
from riverrun_param_server.ports import answering
from riverrun_param_server.pulls import Pulls
from riverrun_param_server.pushes import Pushes
from riverrun_param_server.readers import Readers
from riverrun_param_server.recovery import load, report, take_in_log, verify
from riverrun_param_server.registry import Registry
from riverrun_param_server.retention import RetentionPolicy
from riverrun_param_server.retraining.retraining import Retraining
from riverrun_param_server.retraining.servicer import SERVICE as RETRAINING
from riverrun_param_server.retraining.servicer import RetrainServicer
from riverrun_param_server.room import Room
from riverrun_param_server.schema import LOG_DATABASE
from riverrun_param_server.servicer import ParameterServicer, add_parameter_service
from riverrun_param_server.sessions import Sessions
from riverrun_param_server.settings import ParamServerSettings
from riverrun_param_server.snapshots import SnapshotPolicy, Snapshots
from riverrun_param_server.specs_folder import SpecsFolder
from riverrun_param_server.steering import Steering
from riverrun_param_server.store import Store
from riverrun_param_server.verdicts import Verdicts
from riverrun_param_server.version_reader import VersionReader
from riverrun_param_server.watch_hub import WatchHub

log = structlog.get_logger()

EVENT_LOG = "riverrun.api.events.v1.EventLog"


@dataclass(frozen=True, slots=True)
class Running:
    """A parameter server that answers: its ports, its parts, and the event log beside it."""

    port: int
    http_port: int
    server: ParamServer
    event_log: EmbeddedEventLog
    housekeeping: Housekeeping
    specs: SpecsFolder | None
    stop: Stop = field(default_factory=Stop)

    async def wait(self) -> None:
        """Return once stopping was asked for; raises what ended the server otherwise."""
        await run_until_stopped(
            self.stop,
            self.server.fatal.wait(),
            self.event_log.disk.failed(),
            self.event_log.prove_rest(),
            self.server.hub.beat(),
            self.server.sessions.sweep(),
            self.server.retraining.sweep(),
            self.server.experiments.work(),
            self.housekeeping.work(self.event_log),
            *([self.specs.watch()] if self.specs is not None else []),
        )


@contextlib.asynccontextmanager
async def building(settings: ParamServerSettings, clock: Clock) -> AsyncIterator[ParamServer]:
    """The parts over the store in `settings.data`, verified and loaded; closed when the block ends.

    Raises `DigestMismatch` where the store is damaged.
    """
    fatal = Fatal()
    store = await asyncio.to_thread(Store, settings.data, fatal)
    completion = Completion()
    try:
        verified = await asyncio.to_thread(verify, store)
        report(store, verified)
        catalogue = Catalogue(store, verified.identity.store_id, clock)
        reader = VersionReader(store, max_model_bytes=settings.max_model_bytes)
        snapshots = Snapshots(store, completion, SnapshotPolicy())
        await load(store, catalogue, reader, snapshots, verified.proven)
        hub = WatchHub(Announcements(catalogue, clock))
        sessions = Sessions(catalogue, hub, completion, clock, settings.lease_s)
        readers = Readers(catalogue, clock)
        retention = RetentionPolicy(settings.keep_all_s, settings.keep_minutely_s, settings.keep_hourly_s)
        max_bytes = settings.max_model_bytes
        steering = Steering(catalogue, reader, hub, sessions, completion, clock)
        evaluations = Evaluations(catalogue, clock)
        yield ParamServer(
            store=store,
            catalogue=catalogue,
            registry=Registry(catalogue, hub, sessions, completion, clock, frozenset(settings.factories)),
            sessions=sessions,
            pushes=Pushes(catalogue, hub, sessions, snapshots, completion, clock, max_model_bytes=max_bytes),
            pulls=Pulls(catalogue, reader, completion),
            steering=steering,
            experiments=Experiments(catalogue, steering, evaluations, hub, completion, clock),
            retraining=Retraining(catalogue, reader, hub, sessions, completion, clock),
            hub=hub,
            readers=readers,
            keeping=Keeping(catalogue, readers, clock, retention),
            evaluations=evaluations,
            drift_records=DriftRecords(catalogue, completion),
            verdicts=Verdicts(catalogue, steering, sessions, hub, completion),
            fatal=fatal,
        )
    finally:
        await completion.finish()
        if isinstance(fatal.error, LostHistory):
            await store.database.run(lambda connection: renew_store_id(connection, store.folder))
        await asyncio.to_thread(store.close)


@contextlib.asynccontextmanager
async def running(
    settings: ParamServerSettings, *, clock: Clock | None = None, stop: Stop | None = None
) -> AsyncIterator[Running]:
    """A parameter server on its ports while the block runs. Raises OSError when one is taken.

    The block must await `Running.wait` for heartbeats, leases and failures to be seen to.
    """
    clock = clock or SystemClock()
    async with (
        server_security(settings, clock) as security,
        building(settings, clock) as server,
        _event_log(settings, server, clock) as event_log,
    ):
        compaction = Compaction(server.store, max_bytes=2 * settings.max_model_bytes)
        housekeeping = Housekeeping(
            server.catalogue, server.keeping, compaction, clock, _housekeeping_policy(settings)
        )
        backups = Backups(server.store, event_log)
        server.store.make_room = event_log.make_room = Room(event_log, housekeeping.learned).make
        specs = None if settings.specs is None else SpecsFolder(settings.specs, server.registry)
        if specs is not None:
            await specs.register_changed()

        events = EventLogServicer(
            event_log, store_id=lambda: server.store_id, check_model=server.catalogue.check
        )

        experiments = ExperimentServicer(server.experiments, lambda: server.store_id)

        def add_services(grpc_server: grpc.aio.Server) -> list[str]:
            events_pb2_grpc.add_EventLogServicer_to_server(events, grpc_server)
            retrains = RetrainServicer(server.retraining, lambda: server.store_id)
            retraining_pb2_grpc.add_RetrainServiceServicer_to_server(retrains, grpc_server)
            return [
                add_parameter_service(ParameterServicer(server, backups), grpc_server),
                add_experiment_service(experiments, grpc_server),
                EVENT_LOG,
                RETRAINING,
            ]

        def end_streams() -> None:
            server.end_streams()
            events.end()
            event_log.stop()

        async with answering(
            settings,
            security,
            add_services,
            alive=lambda: server.fatal.error is None,
            ready=lambda: "the disk failed" if server.fatal.error is not None else "",
            on_stop=end_streams,
        ) as (port, http_port):
            log.info("the parameter server answers", port=port, http_port=http_port)
            yield Running(port, http_port, server, event_log, housekeeping, specs, stop or Stop())


@contextlib.asynccontextmanager
async def _event_log(
    settings: ParamServerSettings, server: ParamServer, clock: Clock
) -> AsyncIterator[EmbeddedEventLog]:
    path, horizon_s = settings.data / LOG_DATABASE, horizons_of(server.catalogue)
    event_log = await asyncio.to_thread(EmbeddedEventLog, path, horizon_s=horizon_s, clock=clock)
    try:
        await asyncio.to_thread(take_in_log, server.store, event_log)
        yield event_log
    finally:
        await event_log.close()


def _housekeeping_policy(settings: ParamServerSettings) -> HousekeepingPolicy:
    return HousekeepingPolicy(
        every_s=settings.retention_every_s,
        deleted_models_s=settings.deleted_models_s,
        events_s=settings.keep_events_s,
        history_s=settings.keep_history_s,
        dead_letters=settings.keep_dead_letters,
    )


async def serve(settings: ParamServerSettings, stop: Stop) -> None:
    """Run a parameter server until `stop` is asked. Raises what refuses the start, and what ended it."""
    try:
        async with running(settings, stop=stop) as server:
            await server.wait()
    except DigestMismatch as error:
        log.error("the store is damaged", what=error.what, expected=error.expected, found=error.found)
        raise
