"""One life of a stack: start it, register the specs, say what runs where, wait, stop it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from riverrun.cli.spec_file import SpecFile, read_spec_file
from riverrun.cli.up.announcer import Announcer
from riverrun.cli.up.ports import HeldPorts, plan_ports
from riverrun.cli.up.retrains import run_retrains
from riverrun.cli.up.services import HOST, stack
from riverrun.cli.up.supervisor import Supervisor
from riverrun.client.run_folder import RunFolder
from riverrun.core.errors import InvalidInput, Unavailable
from riverrun.rpc.channels import open_channel
from riverrun.rpc.params_client import ParameterClient

POLL_S = 0.2
SAY_EVERY_S = 5.0
"""While something is not ready, people are told why this often."""

FORMER_S = 5.0
"""What the processes of a supervisor that was killed may take to be gone."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for. `rest_port` 0: free ports for everything."""

    specs: tuple[Path, ...]
    data: Path
    replicas: int
    rest_port: int
    grpc_port: int
    factories: tuple[str, ...] = ()


async def run_stack(wanted: Wanted, announcer: Announcer) -> None:
    """Run the stack until SIGINT, SIGTERM or SIGHUP; everything has ended when this returns.

    A second signal kills what has not ended yet. Raises `InvalidInput` for a wrong spec before anything
    is started, `AlreadyExists` when the data folder or a port is in use, `Unavailable` when a service
    cannot be started.
    """
    specs = read_specs(wanted.specs)
    folder = RunFolder(wanted.data)
    with folder.locked(), HeldPorts() as free:
        await _until_former_ended(folder)
        ports = plan_ports(wanted.rest_port, wanted.grpc_port, wanted.replicas, free)
        services = stack(wanted.data, ports, wanted.factories)
        folder.clear([service.label for service in services])
        supervisor = Supervisor(services, folder, announcer.service)
        address = f"{HOST}:{ports.param_server_grpc}"
        with _signals(supervisor) as stop:
            async with supervisor.running() as watching:
                starting = asyncio.create_task(_get_ready(supervisor, folder, address, specs, announcer))
                retrains = asyncio.create_task(run_retrains(supervisor, address, wanted.factories, free))
                stopping = asyncio.create_task(stop.wait())
                try:
                    await _until_first(stopping, watching, starting, retrains)
                finally:
                    announcer.stopping()
                    others = (starting, stopping, retrains)
                    for task in others:
                        task.cancel()
                    await asyncio.gather(*others, return_exceptions=True)
    announcer.stopped()


def read_specs(paths: Sequence[Path]) -> list[SpecFile]:
    """The specs in `paths`; raises `InvalidInput`, also when two are of one model."""
    specs = [read_spec_file(path) for path in paths]
    seen: dict[str, Path] = {}
    for found in specs:
        if found.spec.name in seen:
            where = f"{seen[found.spec.name]} and {found.path}"
            raise InvalidInput("--file", f"model {found.spec.name} is in both {where}")
        seen[found.spec.name] = found.path
    return specs


async def _until_former_ended(folder: RunFolder) -> None:
    """Wait for the processes of a supervisor that was killed: they are ending, and still hold their ports."""
    deadline = asyncio.get_running_loop().time() + FORMER_S
    while any(record.is_running for record in folder.read()):
        if asyncio.get_running_loop().time() > deadline:
            # Other processes by now, that happen to have the same ids.
            return
        await asyncio.sleep(POLL_S)


async def _until_first(stopping: asyncio.Task[object], *others: asyncio.Task[None]) -> None:
    """Return once `stopping` is done; raise the error of another task that fails before."""
    pending = {stopping, *others}
    while not stopping.done():
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


async def _get_ready(
    supervisor: Supervisor,
    folder: RunFolder,
    address: str,
    specs: Sequence[SpecFile],
    announcer: Announcer,
) -> None:
    loop = asyncio.get_running_loop()
    say_at = loop.time() + SAY_EVERY_S
    await _register(address, specs)
    models = [found.spec.name for found in specs]
    while waiting := await _not_ready(supervisor) or await _models_not_ready(supervisor, models):
        if loop.time() >= say_at:
            announcer.waiting(waiting)
            say_at = loop.time() + SAY_EVERY_S
        await asyncio.sleep(POLL_S)
    announcer.ready(folder.read(), [found.spec for found in specs])


async def _not_ready(supervisor: Supervisor) -> list[str]:
    found = await asyncio.gather(*(supervisor.why_not_ready(service) for service in supervisor.services))
    return [f"{service.label} {why}" for service, why in zip(supervisor.services, found, strict=True) if why]


async def _models_not_ready(supervisor: Supervisor, models: Sequence[str]) -> list[str]:
    # A serving process that started before the models were registered is ready without them.
    asked = [(s, model) for s in supervisor.services if s.service == "serving" for model in models]
    found = await asyncio.gather(*(supervisor.why_no_model(service, model) for service, model in asked))
    return [f"{service.label} {why}" for (service, _), why in zip(asked, found, strict=True) if why]


async def _register(address: str, specs: Sequence[SpecFile]) -> None:
    channel = open_channel(address)
    async with channel:
        client = ParameterClient(channel)
        for found in specs:
            while True:
                try:
                    await client.register_model(found.text)
                    break
                except Unavailable:
                    # It is still starting; when it cannot, the supervisor ends the stack and says why.
                    await asyncio.sleep(POLL_S)


@contextlib.contextmanager
def _signals(supervisor: Supervisor) -> Iterator[asyncio.Event]:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            supervisor.hurry()
        stop.set()

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        # Ignored means nohup: then the end of the terminal is no reason to stop.
        numbers.append(signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, on_signal)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
