"""What `riverrun up` starts: each service's program, settings and ports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from riverrun.cli.up.ports import PortPlan
from riverrun.client.run_folder import ServiceName, service_label

HOST = "127.0.0.1"

_COMMON = {
    # Sets and dicts that models keep must come out in the same order in every process (DECISIONS 9).
    "PYTHONHASHSEED": "1",
    "PYTHONUNBUFFERED": "1",
    # One row at a time is too little work to share: more threads only get in each other's way.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}

DRAIN_S = 2.0
"""Seconds for calls in progress at a stop: short, so that one Ctrl-C stops everything within seconds."""


@dataclass(frozen=True, slots=True)
class Service:
    """One process to run. `ports` are for people; `environment` tells the process the same. `model` is what a
    retrain is of: the one kind of process that ends by itself, with status 0, when its work is done."""

    service: ServiceName
    index: int
    module: str
    environment: Mapping[str, str]
    ports: Mapping[str, int]
    health: str
    model: str = ""

    @property
    def label(self) -> str:
        """``param-server``, ``trainer``, ``serving-0``, ``retrain-fraud-2``."""
        return service_label(self.service, self.index, self.model)


def stack(data: Path, ports: PortPlan, factories: Sequence[str]) -> list[Service]:
    """The processes of one stack in the order of their start; they are stopped in the other order."""
    data = data.resolve()
    server = f"{HOST}:{ports.param_server_grpc}"
    common = _common(factories)
    services = [
        Service(
            "param-server",
            0,
            "riverrun_param_server",
            common
            | _settings(
                "PARAM_SERVER",
                data=data / "param-server",
                port=ports.param_server_grpc,
                http_port=ports.param_server_http,
            ),
            {"grpc": ports.param_server_grpc, "http": ports.param_server_http},
            f"http://{HOST}:{ports.param_server_http}",
        ),
        Service(
            "trainer",
            0,
            "riverrun_trainer",
            common | _settings("TRAINER", param_server=server, http_port=ports.trainer_http),
            {"http": ports.trainer_http},
            f"http://{HOST}:{ports.trainer_http}",
        ),
    ]
    for index, (rest_port, grpc_port) in enumerate(ports.serving):
        settings = _settings(
            "SERVING",
            param_server=server,
            cache_dir=data / service_label("serving", index),
            rest_port=rest_port,
            grpc_port=grpc_port,
            # Nobody sends requests here through anything that must hear of the stop first.
            linger_s=0,
        )
        services.append(
            Service(
                "serving",
                index,
                "riverrun_serving",
                common | settings,
                {"rest": rest_port, "grpc": grpc_port},
                f"http://{HOST}:{rest_port}",
            )
        )
    return services


def retrain_service(model: str, line: int, server: str, http_port: int, factories: Sequence[str]) -> Service:
    """The process of one retrain; `server` is the parameter server's host:port."""
    settings = _settings("TRAINER", param_server=server, http_port=http_port, retrain=f"{model}:{line}")
    health = f"http://{HOST}:{http_port}"
    environment = _common(factories) | settings
    return Service("retrain", line, "riverrun_trainer", environment, {"http": http_port}, health, model)


def _common(factories: Sequence[str]) -> dict[str, str]:
    return {**_COMMON, **({"RIVERRUN_FACTORIES": ",".join(factories)} if factories else {})}


def _settings(service: str, **values: object) -> dict[str, str]:
    values = {"host": HOST, "drain_s": DRAIN_S, **values}
    return {f"RIVERRUN_{service}_{key.upper()}": str(value) for key, value in values.items()}
