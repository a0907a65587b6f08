"""Which port each process listens on: fixed ones as ADR 0005 has them, or free ones."""

from __future__ import annotations

import contextlib
import random
import socket
from dataclasses import dataclass
from typing import Self

from riverrun.core.errors import AlreadyExists, Exhausted, InvalidInput

PARAM_SERVER_GRPC = 8002
PARAM_SERVER_HTTP = 8003
TRAINER_HTTP = 8004
SERVING_STEP = 10
"""Serving process i listens this many ports above process i - 1."""

_FREE_RANGE = range(20_000, 32_000)
"""Free ports are taken from below the range that outgoing connections use (32768 on Linux): otherwise one
of those could sit on a service's port while it is being restarted."""


@dataclass(frozen=True, slots=True)
class PortPlan:
    """The ports of one stack; kept for its whole run, restarts included."""

    param_server_grpc: int
    param_server_http: int
    trainer_http: int
    serving: tuple[tuple[int, int], ...]

    def all(self) -> list[int]:
        """Every port of the plan."""
        first = [self.param_server_grpc, self.param_server_http, self.trainer_http]
        return first + [port for pair in self.serving for port in pair]


class HeldPorts:
    """Ports that nobody listens on, and that are given to nobody else while they are held here.

    A held port is bound and not listened on: the service that it is for can listen on it, as often as it is
    started again, where it sets SO_REUSEADDR, as ours do. Use as a context manager: leaving it lets all go.
    """

    def __init__(self) -> None:
        self._held: dict[int, socket.socket] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        for port in list(self._held):
            self.let_go(port)

    def take(self, count: int) -> list[int]:
        """Hold `count` more, and say which. Raises `Exhausted`."""
        taken: list[int] = []
        # Not the generator that programs seed: two with one seed would try the same ports first.
        for port in random.SystemRandom().sample(_FREE_RANGE, len(_FREE_RANGE)):
            with contextlib.suppress(OSError):
                self._held[port] = _hold(port)
                taken.append(port)
            if len(taken) == count:
                return taken
        raise Exhausted("free ports", f"{count} are needed")

    def let_go(self, port: int) -> None:
        """Hold `port` no more; nothing where it is not held."""
        if (sock := self._held.pop(port, None)) is not None:
            sock.close()


def plan_ports(rest_port: int, grpc_port: int, replicas: int, free: HeldPorts) -> PortPlan:
    """The plan for `replicas` serving processes; all ports are taken from `free` when `rest_port` is 0.

    Raises `AlreadyExists` naming the port that something else listens on, `InvalidInput`.
    """
    if rest_port == 0:
        taken = free.take(3 + 2 * replicas)
        pairs = tuple(zip(taken[3::2], taken[4::2], strict=True))
        return PortPlan(taken[0], taken[1], taken[2], pairs)
    pairs = tuple((rest_port + SERVING_STEP * i, grpc_port + SERVING_STEP * i) for i in range(replicas))
    plan = PortPlan(PARAM_SERVER_GRPC, PARAM_SERVER_HTTP, TRAINER_HTTP, pairs)
    ports = plan.all()
    for port in ports:
        if not 0 < port < 65_536:
            raise InvalidInput("--rest-port, --grpc-port", f"port {port} is not between 1 and 65535")
        if ports.count(port) > 1:
            raise InvalidInput("--rest-port, --grpc-port", f"port {port} would be used twice")
        if not is_free(port):
            raise AlreadyExists("a listener on the port", f"{port}; --rest-port 0 picks free ports")
    return plan


def free_ports(count: int) -> list[int]:
    """`count` different ports that nobody listens on now; the next who asks may be given the same."""
    with HeldPorts() as held:
        return held.take(count)


def is_free(port: int) -> bool:
    """Whether `port` of the loopback address can be listened on now."""
    with socket.socket() as sock:
        # As the services do: a port that merely waits out its last connections is free.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _hold(port: int) -> socket.socket:
    """A socket on `port`; raises `OSError` where there is one already, be it another who holds it."""
    sock = socket.socket()
    try:
        sock.bind(("127.0.0.1", port))
    except OSError:
        sock.close()
        raise
    # Only now: with it, the port could have been shared with another who holds it.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return sock
