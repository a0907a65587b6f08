"""What a service takes as flags: every setting, by its name with hyphens, before the environment."""

from __future__ import annotations

import sys

import pytest
from riverrun_param_server.settings import ParamServerSettings
from riverrun_serving.settings import ServingSettings
from riverrun_trainer.settings import TrainerSettings

from riverrun.runtime.settings import ServiceSettings, settings_of_process

SERVICES = [ParamServerSettings, TrainerSettings, ServingSettings]


@pytest.mark.parametrize("kind", SERVICES)
def test_a_flag_wins_over_the_environment(
    kind: type[ServiceSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = kind.model_config["env_prefix"]
    monkeypatch.setenv(f"{prefix}LOG_LEVEL", "error")
    monkeypatch.setenv(f"{prefix}DRAIN_S", "7")
    monkeypatch.setattr(sys, "argv", ["service", "--log-level", "debug", "--insecure"])

    settings = settings_of_process(kind)

    assert (settings.log_level, settings.drain_s, settings.insecure) == ("debug", 7.0, True)


def test_a_server_is_told_whom_to_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["service", "--follow", "leader:8002", "--http-port", "0"])

    settings = settings_of_process(ParamServerSettings)

    assert (settings.follow, settings.http_port) == ("leader:8002", 0)


@pytest.mark.parametrize("kind", SERVICES)
def test_an_unknown_flag_ends_the_process_and_is_named(
    kind: type[ServiceSettings], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["service", "--folow", "leader:8002"])

    with pytest.raises(SystemExit):
        settings_of_process(kind)

    assert "--folow" in capsys.readouterr().err
