"""Ports as this machine has them."""

from __future__ import annotations

import asyncio
import socket

import pytest

from riverrun.cli.up import ports
from riverrun.core.errors import AlreadyExists, Exhausted


def test_free_ports_are_taken_for_everything_below_those_of_outgoing_connections() -> None:
    with ports.HeldPorts() as free:
        found = ports.plan_ports(0, 8001, 3, free).all()

    assert len(set(found)) == 9
    assert max(found) < 32_768


def test_a_port_that_something_listens_on_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with ports.HeldPorts() as free:
        taken_port, *others = free.take(5)
        for name, port in zip(
            ("PARAM_SERVER_GRPC", "PARAM_SERVER_HTTP", "TRAINER_HTTP"), others, strict=False
        ):
            monkeypatch.setattr(ports, name, port)

        said = f"port '{taken_port}; --rest-port 0 picks free ports"
        with listening(taken_port), pytest.raises(AlreadyExists, match=said):
            ports.plan_ports(taken_port, others[3], 1, free)

        assert ports.plan_ports(taken_port, others[3], 1, free).serving == ((taken_port, others[3]),)


async def test_a_held_port_is_given_to_nobody_else_and_listened_on_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ports.HeldPorts() as held:
        [port] = held.take(1)
        monkeypatch.setattr(ports, "_FREE_RANGE", [port])
        for _ in range(2):
            server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
            server.close()
            await server.wait_closed()
            with pytest.raises(Exhausted), ports.HeldPorts() as others:
                others.take(1)

    assert ports.free_ports(1) == [port]


def test_what_is_let_go_is_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with ports.HeldPorts() as held:
        [port] = held.take(1)
        monkeypatch.setattr(ports, "_FREE_RANGE", [port])
        with pytest.raises(Exhausted):
            held.take(1)
        held.let_go(port)
        held.let_go(port)

        assert held.take(1) == [port]


def listening(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port))
