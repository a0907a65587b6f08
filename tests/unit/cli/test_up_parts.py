"""Parts of `riverrun up` that start nothing: ports, settings of the processes, the line to try."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from riverrun_param_server.settings import ParamServerSettings
from riverrun_serving.settings import ServingSettings
from riverrun_trainer.settings import TrainerSettings

from riverrun.cli.up.announcer import curl_line, example_features
from riverrun.cli.up.ports import HeldPorts, PortPlan, plan_ports
from riverrun.cli.up.process import describe_exit
from riverrun.cli.up.services import stack
from riverrun.core.errors import InvalidInput
from riverrun.core.spec import parse_spec
from riverrun.core.spec.features import check_features

SPEC = parse_spec(
    """\
name: m
task: binary
model: [linear_model.LogisticRegression]
features:
  a: {type: float, min: 5, max: 9}
  b: {type: int, max: -3, required: true}
  c: category
  d: {type: bool, required: true}
  e: text
"""
)
PLAN = PortPlan(8002, 8003, 8004, ((8000, 8001), (8010, 8011)))


@pytest.fixture
def nothing_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("riverrun.cli.up.ports.is_free", lambda port: True)


@pytest.mark.usefixtures("nothing_listens")
def test_ports_are_those_of_the_design_and_replicas_ten_apart() -> None:
    assert plan_ports(8000, 8001, 2, HeldPorts()) == PLAN


@pytest.mark.usefixtures("nothing_listens")
@pytest.mark.parametrize(
    ("rest", "grpc", "replicas", "said"),
    [(8000, 8010, 2, "8010 would be used twice"), (8002, 9000, 1, "8002"), (65_530, 9000, 2, "65540")],
)
def test_ports_that_cannot_be_are_refused(rest: int, grpc: int, replicas: int, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        plan_ports(rest, grpc, replicas, HeldPorts())


def test_services_read_what_they_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    services = {service.label: service for service in stack(tmp_path, PLAN, ["mine.models:build"])}
    for service in services.values():
        for name, value in service.environment.items():
            monkeypatch.setenv(name, value)

    # The environment holds the second serving process's ports: it was the last to be set.
    server, trainer, serving = ParamServerSettings(), TrainerSettings(), ServingSettings()

    assert list(services) == ["param-server", "trainer", "serving-0", "serving-1"]
    assert (server.port, server.http_port, server.data) == (8002, 8003, tmp_path / "param-server")
    assert (trainer.http_port, trainer.param_server) == (8004, "127.0.0.1:8002")
    assert (serving.rest_port, serving.grpc_port) == (8010, 8011)
    assert (serving.param_server, serving.cache_dir) == ("127.0.0.1:8002", tmp_path / "serving-1")
    assert trainer.factories == serving.factories == ("mine.models:build",)
    assert {s.drain_s for s in (server, trainer, serving)} == {2.0}
    assert all(service.environment["PYTHONHASHSEED"] == "1" for service in services.values())


def test_the_line_to_try_is_one_that_the_model_takes() -> None:
    features = example_features(SPEC)

    assert check_features(SPEC.features, features) == features
    words = shlex.split(curl_line(SPEC, 8000))
    assert words[:3] == ["curl", "-s", "http://127.0.0.1:8000/v1/models/m:predict"]
    assert words[-1].startswith('{"features": {"a": 5.0, "b": -3')


def test_an_end_is_told_in_words() -> None:
    assert describe_exit(3) == "exit status 3"
    assert describe_exit(-9) == "killed by SIGKILL"
    assert describe_exit(-65) == "killed by signal 65"
