"""Ports as this machine has them."""

from __future__ import annotations

import socket

import pytest

from riverrun.cli.up import ports
from riverrun.core.errors import AlreadyExists


def test_free_ports_are_taken_for_everything_below_those_of_outgoing_connections() -> None:
    found = ports.plan_ports(0, 8001, 3).all()

    assert len(set(found)) == 9
    assert max(found) < 32_768


def test_a_port_that_something_listens_on_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    taken_port, *others = ports.free_ports(5)
    for name, port in zip(("PARAM_SERVER_GRPC", "PARAM_SERVER_HTTP", "TRAINER_HTTP"), others, strict=False):
        monkeypatch.setattr(ports, name, port)

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", taken_port))
        taken.listen()

        with pytest.raises(AlreadyExists, match=f"port '{taken_port}; --rest-port 0 picks free ports"):
            ports.plan_ports(taken_port, others[3], 1)

    assert ports.plan_ports(taken_port, others[3], 1).serving == ((taken_port, others[3]),)
