"""Builds a read replica from the settings of the server it is, and runs it."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import structlog

from riverrun.rpc.channels import open_channel
from riverrun.rpc.credentials import Credentials
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.server_security import server_security
from riverrun.runtime.clock import Clock, SystemClock
from riverrun.runtime.lifecycle import Stop, run_until_stopped
from riverrun_param_server.announcements import Announcements
from riverrun_param_server.completion import Completion
from riverrun_param_server.experiments.servicer import ReplicaExperiments, add_experiment_service
from riverrun_param_server.follower.followed import Followed
from riverrun_param_server.follower.following import Following
from riverrun_param_server.follower.replica_pulls import ReplicaPulls
from riverrun_param_server.follower.replica_servicer import ReplicaServicer
from riverrun_param_server.ports import answering
from riverrun_param_server.readers import Readers
from riverrun_param_server.servicer import add_parameter_service
from riverrun_param_server.settings import ParamServerSettings
from riverrun_param_server.watch_hub import WatchHub

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RunningReplica:
    """A read replica that answers: its ports and what it holds."""

    port: int
    http_port: int
    followed: Followed
    following: Following
    hub: WatchHub
    address: str
    stop: Stop = field(default_factory=Stop)

    async def wait(self) -> None:
        """Follow until stopping was asked for."""
        reader_id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        await run_until_stopped(self.stop, self.hub.beat(), self.following.run(reader_id, self.address))


@contextlib.asynccontextmanager
async def following(
    settings: ParamServerSettings, *, clock: Clock | None = None, stop: Stop | None = None
) -> AsyncIterator[RunningReplica]:
    """A read replica of `settings.follow` on its ports while the block runs; it touches no disk.

    The block must await `RunningReplica.wait` for anything to be followed.
    """
    clock = clock or SystemClock()
    followed = Followed(clock)
    announcements = Announcements(followed, clock)
    hub, readers, completion = WatchHub(announcements), Readers(followed, clock), Completion()
    channel = open_channel(settings.follow, Credentials.of(settings))
    client = ParameterClient(channel)
    servicer = ReplicaServicer(
        followed, ReplicaPulls(followed, completion), hub, readers, client, settings.follow
    )

    max_bytes = settings.max_model_bytes
    try:
        async with (
            server_security(settings, clock) as security,
            answering(
                settings,
                security,
                lambda server: [
                    add_parameter_service(servicer, server),
                    add_experiment_service(ReplicaExperiments(settings.follow), server),
                ],
                alive=lambda: True,
                ready=lambda: "" if followed.complete else "the leader was not heard out yet",
                on_stop=hub.end,
            ) as (port, http_port),
        ):
            log.info("the read replica answers", port=port, http_port=http_port, leader=settings.follow)
            yield RunningReplica(
                port,
                http_port,
                followed,
                Following(followed, client, hub, readers, max_bytes=2 * max_bytes),
                hub,
                f"{settings.host}:{port}",
                stop or Stop(),
            )
    finally:
        await completion.finish()
        await channel.close()


async def follow(settings: ParamServerSettings, stop: Stop) -> None:
    """Run a read replica until `stop` is asked."""
    async with following(settings, stop=stop) as replica:
        await replica.wait()
