"""Which port each process listens on: fixed ones as ADR 0005 has them, or free ones."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass

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


def plan_ports(rest_port: int, grpc_port: int, replicas: int) -> PortPlan:
    """The plan for `replicas` serving processes; all ports free ones when `rest_port` is 0.

    Raises `AlreadyExists` naming the port that something else listens on, `InvalidInput`.
    """
    if rest_port == 0:
        free = free_ports(3 + 2 * replicas)
        pairs = tuple(zip(free[3::2], free[4::2], strict=True))
        return PortPlan(free[0], free[1], free[2], pairs)
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
    """`count` different ports that nobody listens on now."""
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        # Not the generator that programs seed: two with one seed would be given the same ports.
        for port in random.SystemRandom().sample(_FREE_RANGE, len(_FREE_RANGE)):
            if len(ports) == count:
                return ports
            with contextlib.suppress(OSError):
                held.enter_context(_bound(port))
                ports.append(port)
    raise Exhausted("free ports", f"{count} are needed")


def is_free(port: int) -> bool:
    """Whether `port` of the loopback address can be listened on now."""
    try:
        with _bound(port):
            return True
    except OSError:
        return False


@contextlib.contextmanager
def _bound(port: int) -> Iterator[None]:
    with socket.socket() as sock:
        # As the services do: a port that merely waits out its last connections is free.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        yield
