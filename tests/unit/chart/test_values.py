"""Values: what is refused, and that each one reaches what it names."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic_settings import BaseSettings
from riverrun_param_server.settings import ParamServerSettings
from riverrun_serving.settings import ServingSettings
from riverrun_trainer.settings import TrainerSettings

from tests.unit.chart.rendering import SPEC, environment, named, refusal, render, template, workload

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"servin": {}}, "servin"),
    ({"serving": {"replica": 2}}, "replica"),
    ({"serving": {"replicas": "two"}}, "replicas"),
    ({"serving": {"replicas": -1}}, "replicas"),
    ({"serving": {"settings": {"linger": 3}}}, "linger"),
    ({"serving": {"settings": {"drainS": -1}}}, "drainS"),
    ({"trainer": {"settings": {"host": "0.0.0.0"}}}, "host"),
    ({"paramServer": {"settings": {"keepAllS": "1h"}}}, "keepAllS"),
    ({"image": {"digest": "latest"}}, "digest"),
    ({"image": {"pullPolicy": "Sometimes"}}, "pullPolicy"),
    ({"models": {"one": {"task": "binary"}}}, "models"),
    ({"models": {"a/b": "name: b"}}, "a/b"),
    ({"factories": ["os.system"]}, "factories"),
    ({"backup": {"keep": 0}}, "keep"),
    ({"insecure": "yes"}, "insecure"),
]

CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    ({"models": {"one": "name: one"}, "existingModelsConfigMap": "mine"}, "give either models or"),
    (
        {
            "serving": {
                "autoscaling": {"enabled": True},
                "keda": {"enabled": True, "triggers": [{"type": "cpu"}]},
            }
        },
        "give either serving.autoscaling.enabled or serving.keda.enabled",
    ),
    ({"serving": {"keda": {"enabled": True}}}, "serving.keda.enabled needs serving.keda.triggers"),
    ({"serving": {"ingress": {"enabled": True}}}, "serving.ingress.enabled needs serving.ingress.hosts"),
    ({"serving": {"httpRoute": {"enabled": True}}}, "needs serving.httpRoute.parentRefs"),
    ({"serving": {"grpcRoute": {"enabled": True}}}, "needs serving.grpcRoute.parentRefs"),
]


@pytest.mark.parametrize(("values", "named_in_error"), REFUSED, ids=lambda value: str(value)[:40])
def test_wrong_values_are_refused_by_their_name(values: dict[str, Any], named_in_error: str) -> None:
    said = refusal(values)

    assert named_in_error in said
    assert "schema" in said


@pytest.mark.parametrize(("values", "sentence"), CONTRADICTIONS, ids=lambda value: str(value)[:40])
def test_contradictions_are_refused_in_a_sentence(values: dict[str, Any], sentence: str) -> None:
    assert sentence in refusal(values)


def test_an_umbrella_chart_may_switch_it_and_share_values() -> None:
    shared = {"insecure": True, "enabled": True, "global": {"imageRegistry": "registry.example", "other": 1}}

    objects = render(shared)

    pod = workload(objects, "serving")["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == "registry.example/riverrun:0.1.0"


def test_a_digest_wins_over_the_tag() -> None:
    digest = "sha256:" + "a" * 64

    objects = render({"insecure": True, "image": {"registry": "r.example", "tag": "9", "digest": digest}})

    image = workload(objects, "trainer")["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == f"r.example/riverrun@{digest}"


@pytest.mark.parametrize(
    ("component", "group", "kind", "given"),
    [
        ("param-server", "paramServer", ParamServerSettings, {"keepAllS": 60, "maxModelBytes": 1048576}),
        ("trainer", "trainer", TrainerSettings, {"liveS": 9.5, "models": ["a", "b"], "logLevel": "debug"}),
        ("serving", "serving", ServingSettings, {"models": ["a"], "maxBodyBytes": 2048, "lingerS": 3}),
    ],
)
def test_what_a_pod_is_told_is_what_its_program_reads(
    component: str,
    group: str,
    kind: type[BaseSettings],
    given: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = {"insecure": True, "factories": ["m:f", "n:g"], group: {"settings": given}}
    told = environment(workload(render(values), component))
    prefix = f"RIVERRUN_{group.replace('paramServer', 'param_server').upper()}_"
    for name, value in told.items():
        monkeypatch.setenv(name, value)

    settings = kind()

    read = {f"{prefix}{name}".upper() for name in kind.model_fields} | {"RIVERRUN_FACTORIES"}
    assert {name for name in told if name.startswith(prefix)} <= read
    assert settings.host == "0.0.0.0"  # type: ignore[attr-defined]
    assert settings.factories == ("m:f", "n:g")  # type: ignore[attr-defined]
    for key, value in given.items():
        field = "".join("_" + c.lower() if c.isupper() else c for c in key)
        found = getattr(settings, field)
        assert (set(value) <= set(found)) if isinstance(value, list) else found == value


def test_models_are_files_of_the_config_map_that_is_mounted_as_the_folder_of_specs() -> None:
    objects = render({"insecure": True, "models": {"late-flights": SPEC}})

    data = named(objects, "ConfigMap", "riverrun-models")["data"]
    server = workload(objects, "param-server")
    pod = server["spec"]["template"]["spec"]
    mount = next(m for m in pod["containers"][0]["volumeMounts"] if m["name"] == "specs")
    assert data == {"late-flights.yaml": SPEC}
    assert mount["mountPath"] == environment(server)["RIVERRUN_PARAM_SERVER_SPECS"]


def test_a_config_map_of_ones_own_takes_its_place() -> None:
    objects = render({"insecure": True, "existingModelsConfigMap": "mine"})

    volumes = workload(objects, "param-server")["spec"]["template"]["spec"]["volumes"]
    assert {"name": "specs", "configMap": {"name": "mine"}} in volumes
    assert not [o for o in objects if o["metadata"]["name"].endswith("-models")]


def test_values_that_say_nothing_of_insecure_are_safe() -> None:
    assert template({}).returncode == 0
    assert environment(workload(render({}), "serving"))["RIVERRUN_SERVING_INSECURE"] == "false"
