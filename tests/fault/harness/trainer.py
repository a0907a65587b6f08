"""A trainer as a real process, beside a parameter server that may be killed under it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import stamina

from riverrun.core.errors import Unavailable
from riverrun.rpc.channels import open_channel
from riverrun.rpc.event_log import RemoteEventLog
from riverrun.rpc.params_client import ParameterClient
from tests.fault.harness.process import DEADLINE_S, ServiceProcess, Setup
from tests.fault.harness.proxy import Proxy
from tests.fault.harness.results import ROOT
from tests.fault.harness.server import ServerProcess

LEASE_S = 20.0
"""Longer than a busy machine may keep a trainer from reporting: who misses it thrice at an event is taken to
hang at it, and the event is set aside."""

SHORT_LEASE_S = 1.5
"""A tenth of what a cluster would have, for what waits until one lapses."""

REPORT_S = 0.2

SAID_LAST = 2_000
"""Characters of each process's log that a failure shows."""

FACTORIES = ("tests.fault.harness.deadly:make",)


class TrainerProcess(ServiceProcess):
    """One trainer of every model of the server at `address`."""

    def __init__(self, address: str, log: Path, setup: Setup | None = None) -> None:
        settings = {
            "RIVERRUN_TRAINER_PARAM_SERVER": address,
            "RIVERRUN_TRAINER_HTTP_PORT": "0",
            "RIVERRUN_TRAINER_REPORT_EVERY_S": str(REPORT_S),
            "RIVERRUN_TRAINER_LOG_FORMAT": "json",
            "RIVERRUN_FACTORIES": ",".join(FACTORIES),
            "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "OMP_NUM_THREADS": "1",
        }
        super().__init__("riverrun_trainer", settings, log, setup or Setup())


class TrainerRig:
    """A parameter server over one folder and the trainers before it.

    Trainers dial `link`, and `client` and `log` a link of their own; both stay where they are when the
    server is restarted.
    """

    def __init__(self, folder: Path, server_setup: Setup | None = None, lease_s: float = LEASE_S) -> None:
        environment = {
            "RIVERRUN_PARAM_SERVER_LEASE_S": str(lease_s),
            "RIVERRUN_FACTORIES": ",".join(FACTORIES),
            **(server_setup.environment if server_setup else {}),
        }
        mutant = server_setup.mutant if server_setup else ""
        self._folder = folder
        self._setup = Setup(mutant=mutant, environment=environment)
        self._processes: list[ServiceProcess] = []
        self.server: ServerProcess
        self.link = Proxy("")
        self._own_link = Proxy("")
        self.client: ParameterClient
        self.log: RemoteEventLog

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[TrainerRig]:
        """The server answers while the block runs; whatever was started here ends with it."""
        try:
            await self.start_server()
            async with (
                self.link.listening(),
                self._own_link.listening(),
                open_channel(self._own_link.address) as channel,
            ):
                self.client = ParameterClient(channel, deadline_s=DEADLINE_S)
                self.log = RemoteEventLog(channel, deadline_s=DEADLINE_S)
                yield self
        except BaseException as error:
            for process in self._processes:
                error.add_note(f"{process.log.name}: … {process.said()[-SAID_LAST:]}")
            raise
        finally:
            for process in self._processes:
                process.kill()

    async def register(self, spec_yaml: str) -> None:
        """Register a model; a connection through two links of a busy machine may take more than one try."""
        async for attempt in stamina.retry_context(on=Unavailable, timeout=DEADLINE_S):
            with attempt:
                await self.client.register_model(spec_yaml)

    async def start_server(self, failpoint: str = "") -> None:
        """Start a server over the same folder; it answers by `link` when this returns."""
        setup = Setup(self._setup.mutant, failpoint, (), self._setup.environment)
        self.server = ServerProcess(self._folder / "data", self._folder / "server.log", setup)
        self._processes.append(self.server)
        self.link.target = self._own_link.target = await self.server.address()

    async def restart_server(self, failpoint: str = "") -> None:
        """kill -9 and start again; `client` and `log` are connected again when this returns."""
        self.server.kill()
        await self.start_server(failpoint)
        async for attempt in stamina.retry_context(on=Unavailable, timeout=DEADLINE_S):
            with attempt:
                await self.client.list_models()

    def trainer(self, setup: Setup | None = None, address: str = "") -> TrainerProcess:
        """A trainer that starts now, by way of `address` where that is given."""
        log = self._folder / f"trainer-{len(self._processes)}.log"
        process = TrainerProcess(address or self.link.address, log, setup)
        self._processes.append(process)
        return process
