"""TLS and tokens: on by default, everywhere, and made of settings that the programs read."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic_settings import BaseSettings
from riverrun_param_server.settings import ParamServerSettings
from riverrun_serving.settings import ServingSettings
from riverrun_trainer.settings import TrainerSettings

from riverrun.core.access import Role
from riverrun.rpc.access.account_file import read_accounts
from tests.unit.chart.rendering import (
    NAMESPACE,
    Object,
    environment,
    kinds,
    named,
    pod_of,
    refusal,
    render,
    template,
    workload,
)

PARTS: list[tuple[str, type[BaseSettings]]] = [
    ("param-server", ParamServerSettings),
    ("trainer", TrainerSettings),
    ("serving", ServingSettings),
]


def secured(values: dict[str, Any] | None = None) -> list[Object]:
    return render({"insecure": False} | (values or {}))


def mounted(found: Object) -> dict[str, Object]:
    """Volumes by the path where the first container has them."""
    pod = pod_of(found)
    assert pod is not None
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    mounts = pod["spec"]["containers"][0]["volumeMounts"]
    return {mount["mountPath"]: volumes[mount["name"]] for mount in mounts if mount["name"] in volumes}


@pytest.mark.parametrize(("component", "kind"), PARTS)
def test_by_default_programs_start_with_tls_and_tokens(
    component: str, kind: type[BaseSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = workload(secured(), component)
    for name, value in environment(found).items():
        monkeypatch.setenv(name, value)

    settings: Any = kind()

    assert settings.insecure is False
    assert settings.unprotected() == []
    paths = [settings.tls_cert_file, settings.tls_key_file, settings.tls_ca_file, settings.token_file]
    paths += [settings.auth_accounts_file] if component != "trainer" else []
    assert {str(path.parent) for path in paths} <= mounted(found).keys()


@pytest.mark.parametrize("component", [part for part, _ in PARTS])
def test_tokens_are_for_our_audience_alone(component: str) -> None:
    volume = mounted(workload(secured(), component))["/var/run/secrets/riverrun"]

    (source,) = volume["projected"]["sources"]
    assert source["serviceAccountToken"]["audience"] == "riverrun"
    assert source["serviceAccountToken"]["expirationSeconds"] == 3600


@pytest.mark.parametrize(("component", "checks"), [("param-server", 1), ("serving", 1), ("trainer", 0)])
def test_only_who_checks_tokens_gets_one_for_the_api_server(component: str, checks: int) -> None:
    paths = mounted(workload(secured(), component))

    assert ("/var/run/secrets/kubernetes.io/serviceaccount" in paths) == bool(checks)


def test_accounts_are_those_of_the_pods(tmp_path: Any) -> None:
    given = {"auth": {"accounts": {"system:serviceaccount:shop:web": "client"}}}
    path = tmp_path / "accounts"
    path.write_text(named(secured(given), "ConfigMap", "riverrun-accounts")["data"]["accounts"])

    roles = read_accounts(path).accounts

    own = f"system:serviceaccount:{NAMESPACE}:rr-riverrun-"
    assert roles[f"{own}serving"] is Role.SERVING
    assert roles[f"{own}trainer"] is Role.TRAINER
    assert roles["system:serviceaccount:shop:web"] is Role.CLIENT
    assert {account for account, role in roles.items() if role is Role.OPERATOR} == {
        f"{own}{name}" for name in ("backup", "test", "operator")
    }


def test_by_default_nothing_reaches_beyond_the_namespace() -> None:
    assert "ClusterRoleBinding" not in kinds(secured())
    review = render({"insecure": False, "auth": {"mode": "tokenReview"}})
    (binding,) = [one for one in review if one["kind"] == "ClusterRoleBinding"]
    assert binding["roleRef"]["name"] == "system:auth-delegator"


def test_the_job_that_keeps_certificates_may_touch_its_own_objects_alone() -> None:
    roles = [one for one in secured() if one["kind"] == "Role"]

    assert {role["metadata"]["name"] for role in roles} == {
        "rr-riverrun-certificates",
        "rr-riverrun-renewal",
    }
    for role in roles:
        for rule in role["rules"]:
            assert rule["verbs"] == ["create"] or set(rule["resourceNames"]) <= {
                "rr-riverrun-tls",
                "rr-riverrun-ca",
            }


def test_certificates_are_for_every_service_there_is() -> None:
    objects = secured({"follower": {"replicas": 1}, "serving": {"replicas": 2}})
    job = named(objects, "Job", "riverrun-certificates")
    names = set(environment(job)["NAMES"].split(","))

    called = {o["metadata"]["name"] for o in objects if o["kind"] == "Service"} - {
        "rr-riverrun-param-server-headless"
    }
    assert {f"{name}.{NAMESPACE}.svc" for name in called} <= names
    for variable in ("RIVERRUN_SERVING_PARAM_SERVER", "RIVERRUN_SERVING_FOLLOW"):
        assert environment(workload(objects, "serving"))[variable].partition(":")[0] in names


@pytest.mark.parametrize("component", [part for part, _ in PARTS])
def test_probes_speak_as_the_port_does(component: str) -> None:
    for insecure, scheme in ((True, "HTTP"), (False, "HTTPS")):
        pod = pod_of(workload(render({"insecure": insecure}), component))
        assert pod is not None
        container = pod["spec"]["containers"][0]
        probes = [container[f"{name}Probe"] for name in ("startup", "readiness", "liveness")]
        assert {p["httpGet"]["scheme"] for p in probes if "httpGet" in p} == {scheme}
        assert insecure or all("httpGet" in probe for probe in probes)


def test_certificates_may_come_from_elsewhere() -> None:
    issued = secured({"tls": {"mode": "certManager", "issuerRef": {"name": "ca", "kind": "Issuer"}}})
    given = secured({"tls": {"mode": "secret", "existingSecret": "mine"}})

    certificate = named(issued, "Certificate", "riverrun-tls")["spec"]
    assert certificate["secretName"] == "rr-riverrun-tls"
    assert f"rr-riverrun-serving.{NAMESPACE}.svc" in certificate["dnsNames"]
    assert "Job" not in kinds(issued) | kinds(given)
    assert mounted(workload(given, "serving"))["/etc/riverrun/tls"]["secret"]["secretName"] == "mine"


def test_keys_alone_need_no_service_accounts() -> None:
    keys = {"mode": "keys", "existingKeysSecret": "lines", "existingTokensSecret": "tokens"}

    objects = secured({"auth": keys})

    paths = mounted(workload(objects, "serving"))
    assert paths["/etc/riverrun/keys"]["secret"]["secretName"] == "lines"
    assert paths["/etc/riverrun/key"]["secret"]["items"] == [{"key": "serving", "path": "token"}]
    assert not [o for o in objects if o["metadata"]["name"].endswith("-accounts")]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"tls": {"mode": "secret"}}, "tls.mode secret needs tls.existingSecret"),
        ({"tls": {"mode": "certManager"}}, "tls.mode certManager needs tls.issuerRef.name"),
        ({"auth": {"mode": "keys"}}, "auth.mode keys needs auth.existing"),
        ({"auth": {"accounts": {"system:serviceaccount:a:b": "boss"}}}, "schema"),
        ({"auth": {"accounts": {"web": "client"}}}, "schema"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_missing_is_named(values: dict[str, Any], sentence: str) -> None:
    assert sentence in refusal({"insecure": False} | values)


def test_insecure_has_none_of_it() -> None:
    objects = render({"insecure": True})

    assert not {"Job", "Role", "Certificate"} & kinds(objects)
    assert not [name for name in environment(workload(objects, "serving")) if "TLS" in name or "AUTH" in name]
    assert template({}).returncode == 0
