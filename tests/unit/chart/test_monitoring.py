"""Monitoring: alerts and panels ask for metrics that the services have, and lead to pages that exist."""

from __future__ import annotations

import json
import re
from typing import Any

import prometheus_client

import riverrun.runtime.metrics
from tests.unit.chart.rendering import CHART, ROOT, helm, kinds, named, render

MONITORING = {
    "insecure": True,
    "monitoring": {
        "podMonitor": {"enabled": True, "labels": {"release": "stack"}},
        "prometheusRule": {"enabled": True, "staleSeconds": 90},
        "dashboard": {"enabled": True},
    },
}
METRIC = re.compile(r"\briverrun_\w+")
PAGE = (ROOT / "docs/operations/alerts.md").read_text()


def exposed() -> set[str]:
    """Names of all series that the services may show."""
    assert riverrun.runtime.metrics.PUSHES
    found = set()
    for family in prometheus_client.REGISTRY.collect():
        match family.type:
            case "counter":
                found.add(f"{family.name}_total")
            case "histogram":
                found |= {f"{family.name}_{part}" for part in ("bucket", "sum", "count")}
            case _:
                found.add(family.name)
    return found


def rules() -> list[dict[str, Any]]:
    rule = named(render(MONITORING), "PrometheusRule", "riverrun")
    return list(rule["spec"]["groups"][0]["rules"])


def test_alerts_ask_for_metrics_that_exist() -> None:
    asked = {name for rule in rules() for name in METRIC.findall(re.sub(r'"[^"]*"', "", rule["expr"]))}

    assert len(asked) >= 7
    assert asked <= exposed()


def test_panels_ask_for_metrics_that_exist() -> None:
    config = named(render(MONITORING), "ConfigMap", "riverrun-dashboard")
    assert config["metadata"]["labels"]["grafana_dashboard"] == "1"
    dashboard = json.loads(config["data"]["rr-riverrun.json"])

    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    variables = [str(v["query"]) for v in dashboard["templating"]["list"]]

    assert len(queries) > 25
    assert {name for text in queries + variables for name in METRIC.findall(text)} <= exposed()


def test_each_alert_has_a_page() -> None:
    for rule in rules():
        anchor = rule["annotations"]["runbook_url"].partition("#")[2]
        assert f"## {rule['alert']}\n" in PAGE
        assert rule["alert"].lower() == anchor
        assert rule["expr"].count("(") == rule["expr"].count(")")
        assert rule["labels"]["severity"] in ("warning", "critical")


def test_bounds_are_values() -> None:
    stale = next(rule for rule in rules() if rule["alert"] == "RiverrunStaleWeights")

    assert stale["expr"].endswith("> 90")


def test_every_pod_with_metrics_is_read() -> None:
    monitor = named(render(MONITORING), "PodMonitor", "riverrun")

    selected = monitor["spec"]["selector"]["matchExpressions"][0]["values"]
    ports = {
        one["metadata"]["labels"]["app.kubernetes.io/component"]: {
            port["name"] for port in one["spec"]["template"]["spec"]["containers"][0]["ports"]
        }
        for one in render(MONITORING | {"follower": {"replicas": 1}})
        if one["kind"] in ("Deployment", "StatefulSet")
    }
    assert monitor["metadata"]["labels"]["release"] == "stack"
    assert sorted(selected) == sorted(ports)
    assert all("http" in names for names in ports.values())


def test_a_cluster_without_the_operator_gets_none_of_its_objects() -> None:
    plain = helm("template", "rr", str(CHART), "--values", "-", given=json.dumps(MONITORING))

    assert plain.returncode == 0
    assert "PodMonitor" not in plain.stdout
    assert {"PodMonitor", "PrometheusRule"} <= kinds(render(MONITORING))


def test_services_trace_to_the_collector_that_is_named_and_say_which_pod_they_are() -> None:
    values = {"insecure": True, "tracing": {"endpoint": "http://otel:4317", "ratio": 0.25}}

    for kind, name in (
        ("Deployment", "riverrun-serving"),
        ("Deployment", "riverrun-trainer"),
        ("StatefulSet", "riverrun-param-server"),
    ):
        for given in (values, {"insecure": True}):
            pod = named(render(given), kind, name)["spec"]["template"]["spec"]
            env = {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}
            if given is values:
                assert env["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://otel:4317"
                assert env["OTEL_TRACES_SAMPLER_ARG"] == "0.25"
                assert str(env["OTEL_RESOURCE_ATTRIBUTES"]).endswith("k8s.pod.name=$(POD_NAME)")
            else:
                assert not any(key.startswith("OTEL_") for key in env)
