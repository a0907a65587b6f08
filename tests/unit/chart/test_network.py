"""Network policies: who may reach whom. That a cluster enforces them is shown in tests/e2e."""

from __future__ import annotations

from typing import Any

from tests.unit.chart.rendering import Object, kinds, named, render


def policy(component: str, values: dict[str, Any] | None = None) -> Object:
    objects = render({"insecure": True, "backup": {"enabled": True}} | (values or {}))
    return dict(named(objects, "NetworkPolicy", f"riverrun-{component}")["spec"])


def peers(rules: list[Object], port: object, side: str) -> set[str]:
    return {
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        for rule in rules
        if {"port": port} in rule["ports"]
        for peer in rule[side]
        if "app.kubernetes.io/component" in peer.get("podSelector", {}).get("matchLabels", {})
    }


def test_the_parameter_server_hears_its_own_release_alone() -> None:
    rules = policy("param-server")["ingress"]

    assert peers(rules, "grpc", "from") == {"serving", "trainer", "follower", "backup", "test"}
    assert all(rule.get("from") for rule in rules)


def test_operators_may_be_let_in() -> None:
    operator = {"podSelector": {"matchLabels": {"app": "console"}}}

    rules = policy("param-server", {"networkPolicy": {"operators": [operator]}})["ingress"]

    assert operator in rules[0]["from"]


def test_serving_and_the_trainer_reach_the_parameter_server_and_names_alone() -> None:
    for component in ("serving", "trainer", "backup"):
        dns, server = policy(component)["egress"]
        assert {port["port"] for port in dns["ports"]} == {53}
        assert peers([server], 8002, "to") == {"param-server", "follower"}
    assert len(policy("param-server")["egress"]) == 1


def test_whoever_checks_tokens_reaches_the_api_server_and_nobody_else_does() -> None:
    secured = {"insecure": False}

    for component, reaches in (
        ("param-server", True),
        ("serving", True),
        ("trainer", False),
        ("backup", False),
    ):
        ports = [port["port"] for rule in policy(component, secured)["egress"] for port in rule["ports"]]
        assert ({443, 6443} <= set(ports)) is reaches, component


def test_nobody_calls_the_trainer_but_prometheus() -> None:
    (rule,) = policy("trainer")["ingress"]

    assert rule["from"][0]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "prometheus"}
    assert "ingress" not in policy("backup")


def test_serving_may_be_closed_to_all_but_its_clients() -> None:
    client = {"podSelector": {"matchLabels": {"app": "shop"}}}

    everyone = policy("serving")["ingress"]
    closed = policy("serving", {"networkPolicy": {"clients": [client]}})["ingress"]

    assert "from" not in everyone[0]
    assert closed[0]["from"][-1] == client
    assert peers(closed, "http", "from") == {"test"}


def test_they_can_be_left_out() -> None:
    assert "NetworkPolicy" not in kinds(render({"insecure": True, "networkPolicy": {"enabled": False}}))


def test_a_collector_of_traces_is_reached_by_its_port_where_one_is_named() -> None:
    for endpoint, port in (
        ("http://otel:4317", 4317),
        ("https://otel.example", 443),
        ("http://otel", 80),
    ):
        for component in ("serving", "trainer", "param-server", "backup"):
            egress = policy(component, {"tracing": {"endpoint": endpoint}})["egress"]
            assert {"ports": [{"port": port}]} in egress
