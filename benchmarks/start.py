"""From the start of a serving process until it is ready, by part, cold and from its last-good copy.

A part is what the next step adds: Python alone, then what serving imports, then settings and ports, then
weights. Each step is a process of its own, taken the median of some.
"""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks import workload
from benchmarks.figures import Figure, rounded
from benchmarks.processes import listening, python, running
from benchmarks.swaps import pushing, serving
from riverrun.cli.up.ports import free_ports

TIMES = 3
LONGEST_S = 60.0
EVERY_S = 0.005


def milliseconds(step: Callable[[], float]) -> float:
    """The median of what `step` says, in milliseconds."""
    return 1000 * statistics.median(step() for _ in range(TIMES))


def ran(code: str) -> float:
    """Seconds that an interpreter takes to run `code`."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - begun


def started(options: list[str], is_there: Callable[[int], bool]) -> float:
    """Seconds from the start of a serving process until `is_there`, asked with its REST port."""
    rest_port, grpc_port = free_ports(2)
    ports = ["--rest-port", str(rest_port), "--grpc-port", str(grpc_port)]
    with tempfile.TemporaryDirectory() as folder:
        command = python("riverrun_serving", *ports, *options, "--linger-s", "0")
        begun = time.perf_counter()
        with running(command, Path(folder) / "log"):
            while not is_there(rest_port):
                if time.perf_counter() - begun > LONGEST_S:
                    raise TimeoutError((Path(folder) / "log").read_text()[-1000:])
                time.sleep(EVERY_S)
            return time.perf_counter() - begun


def is_ready(rest_port: int) -> bool:
    """Whether the process there says so."""
    # By hand: a client of HTTP costs more than what is waited for, on the same cores.
    try:
        with socket.create_connection(("127.0.0.1", rest_port), 1) as connection:
            connection.sendall(b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n")
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def figures() -> Iterator[Figure]:
    """The whole, cold and from the copy, with their parts in the notes."""
    with ExitStack() as stacked:
        cache = stacked.enter_context(tempfile.TemporaryDirectory())
        stack = stacked.enter_context(serving(workload.LINEAR))
        with pushing(stack, workload.LINEAR, 1.0):
            pass
        stack.stop("serving-0")
        server = ["--param-server", stack.server]
        interpreter = milliseconds(lambda: ran("pass"))
        imported = milliseconds(lambda: ran("import riverrun_serving.__main__"))
        bound = milliseconds(lambda: started(server, listening))
        cold = milliseconds(lambda: started(server, is_ready))
        keeping = [*server, "--cache-dir", cache, "--cache-every-s", "0.05"]
        started(keeping, lambda port: is_ready(port) and copied(cache))
        away = ["--param-server", f"127.0.0.1:{free_ports(1)[0]}", "--cache-dir", cache]
        copy = milliseconds(lambda: started(away, is_ready))
    parts = {
        "Python": interpreter,
        "imports": imported - interpreter,
        "settings and ports": bound - imported,
        "weights": cold - bound,
    }
    note = "; ".join(f"{name} {value:.0f} ms" for name, value in parts.items())
    yield Figure("start_to_ready: cold", rounded(cold), "ms", note=note)
    yield Figure(
        "start_to_ready: from the last-good copy",
        rounded(copy),
        "ms",
        note=f"the parameter server is away; {copy - imported:.0f} ms after what is imported is there",
    )


def copied(cache: str) -> bool:
    """Whether a copy is there."""
    return any(path.is_file() and path.stat().st_size for path in Path(cache).rglob("*"))


def main() -> None:
    for figure in figures():
        print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
