"""The processes of retrains: started for each that the parameter server has under way."""

from __future__ import annotations

from collections.abc import Sequence

from riverrun.cli.up.ports import HeldPorts
from riverrun.cli.up.services import retrain_service
from riverrun.cli.up.supervisor import Supervisor
from riverrun.client.run_folder import service_label
from riverrun.core.versions import ModelInfo
from riverrun.rpc.channels import open_channel
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.watching import ModelChanged, ModelDeleted, Watch


async def run_retrains(
    supervisor: Supervisor, server: str, factories: Sequence[str], free: HeldPorts
) -> None:
    """Have `supervisor` run a process for each retrain that `server` has under way, for ever.

    Each has one of the `free` ports, held until it is over.
    """
    running: dict[str, set[int]] = {}
    ports: dict[str, int] = {}
    async with open_channel(server) as channel:
        async for change in Watch(ParameterClient(channel), catalogue_only=True).changes():
            match change:
                case ModelChanged(model):
                    name, wanted = model.name, _retrains_of(model)
                case ModelDeleted(name):
                    wanted = set()
                case _:
                    continue
            for line in running.get(name, set()) - wanted:
                label = service_label("retrain", line, name)
                supervisor.let_go(label)
                free.let_go(ports.pop(label, 0))
            for line in wanted:
                label = service_label("retrain", line, name)
                if not supervisor.runs(label):
                    if label not in ports:
                        [ports[label]] = free.take(1)
                    service = retrain_service(name, line, server, ports[label], factories)
                    supervisor.run_retrain(service)
            running[name] = wanted


def _retrains_of(model: ModelInfo) -> set[int]:
    return {line.number for line in model.lines if line.retrain}
