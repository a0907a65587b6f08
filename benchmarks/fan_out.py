"""How soon a version reaches many readers, straight from the parameter server and through read replicas.

Each reader is a watch on a connection of its own. A version's time runs from its commit to the moment that a
reader has it whole: its announcement, or the pull that follows one without a delta. The reference is a bare
grpc.aio server that sends the same bytes down as many streams, with nothing to decide and nothing to check.
Readers run on the same cores as what they measure, and take most of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import uvloop

import riverrun.rpc.transport  # noqa: F401  # before grpc is used
from benchmarks.figures import Figure, bounded, rounded
from benchmarks.processes import cpu_seconds, listening, python, running, wait_until
from riverrun.api.params.v1 import params_pb2 as pb
from riverrun.api.params.v1 import params_pb2_grpc as pb_grpc
from riverrun.cli.up.ports import free_ports
from riverrun.codec.wire import encode_side
from riverrun.core.digest import HashTree
from riverrun.core.units import SideDelta
from riverrun.rpc.channels import open_channel
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.times import unix_ns
from riverrun.rpc.trainer_session import open_session
from riverrun.rpc.weights import Push

SPEC = """\
name: fan-out
task: binary
model: [linear_model.LogisticRegression]
"""
DELTA_BYTES = 10_240
VERSIONS = 12
EVERY_S = 1.0
PER_PROCESS = 250
METHOD = "/benchmark.Broadcast/Watch"
_OWN_CONNECTION = [("grpc.use_local_subchannel_pool", 1)]


Heard = Callable[[int | None, int], None]
"""A version, None for what a reader starts with, and when it was committed or sent, in Unix nanoseconds."""


async def _read(
    reader: Callable[[grpc.aio.Channel, Heard], Awaitable[None]], port: int, count: int, folder: Path
) -> None:
    """`count` readers; latencies in ns, version by version, go to a file of this process when it is ended."""
    latencies: dict[int, list[int]] = {}
    first = 0

    async def one() -> None:
        has_first = False

        def heard(version: int | None, sent_ns: int) -> None:
            nonlocal first, has_first
            now_ns = time.time_ns()
            if version is not None:
                latencies.setdefault(version, []).append(now_ns - sent_ns)
            first += not has_first
            if not has_first and first == count:
                (folder / f"{os.getpid()}.ready").write_text(str(now_ns))
            has_first = True

        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=_OWN_CONNECTION) as channel:
            await reader(channel, heard)

    await _until_ended([one() for _ in range(count)])
    (folder / f"{os.getpid()}.json").write_text(json.dumps(latencies))


async def _watch(channel: grpc.aio.Channel, heard: Heard) -> None:
    """A reader of ours."""
    stub = pb_grpc.ParameterServiceStub(channel)
    call = stub.Watch()
    await call.write(pb.WatchRequest(subscribe=pb.WatchRequest.Subscribe()))
    have = 0
    while isinstance(message := await call.read(), pb.WatchResponse):
        if not message.HasField("announcement"):
            continue
        manifest = message.announcement.manifest
        if not message.announcement.base_version:
            wanted = pb.PullRequest(
                model=manifest.model, channel="live", have_version=have, have_store_id=message.store_id
            )
            async for _ in stub.Pull(wanted):
                pass
        heard(manifest.version, unix_ns(manifest.create_time))
        have = manifest.version


async def _listen(channel: grpc.aio.Channel, heard: Heard) -> None:
    """One of the bare server, whose messages begin with the time they were sent; 0 in the first."""
    call: Any = channel.unary_stream(METHOD)(b"")
    while isinstance(message := await call.read(), bytes):
        sent_ns = int.from_bytes(message[:8], "big")
        heard(sent_ns or None, sent_ns)


async def _until_ended(readers: list[Any]) -> None:
    """Run until standard input is closed: no signal, which would end what is on its way."""
    tasks = [asyncio.ensure_future(reader) for reader in readers]
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _broadcast(port: int) -> None:
    """The bare server: sends each of its readers the time and 10 KiB, `VERSIONS` times, once told to."""
    waiting: list[asyncio.Queue[bytes]] = []

    async def watch(_request: bytes, _context: Any) -> AsyncIterator[bytes]:
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        waiting.append(queue)
        yield bytes(8)
        while True:
            yield await queue.get()

    server = grpc.aio.server()
    handler = grpc.unary_stream_rpc_method_handler(watch)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("benchmark.Broadcast", {"Watch": handler}),)
    )
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await asyncio.to_thread(sys.stdin.readline)
    body = os.urandom(DELTA_BYTES)
    for _ in range(VERSIONS):
        message = time.time_ns().to_bytes(8, "big") + body
        for queue in waiting:
            queue.put_nowait(message)
        await asyncio.sleep(EVERY_S)
    print("done", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)


@contextlib.contextmanager
def readers(kind: str, ports: list[int], count: int, folder: Path) -> Iterator[None]:
    """`count` readers over `ports`, each of which has its first weights when the block begins."""
    processes = []
    try:
        shares = [min(PER_PROCESS, count - done) for done in range(0, count, PER_PROCESS)]
        for number, share in enumerate(shares):
            command = python(
                "benchmarks.fan_out", kind, str(ports[number % len(ports)]), str(share), str(folder)
            )
            processes.append(subprocess.Popen(command, stdin=subprocess.PIPE))
        wait_until(lambda: len(list(folder.glob("*.ready"))) == len(shares), "all readers", 120)
        yield
    finally:
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
        for process in processes:
            process.wait(30)


def latencies_ms(folder: Path, skip: int) -> np.ndarray[Any, Any]:
    """All latencies of the versions after the first `skip`, in milliseconds."""
    found: dict[int, list[int]] = {}
    for path in folder.glob("*.json"):
        for version, late in json.loads(path.read_text()).items():
            found.setdefault(int(version), []).extend(late)
    return np.array([late for version in sorted(found)[skip:] for late in found[version]]) / 1e6


async def push_versions(server: str, count: int, every_s: float) -> None:
    """Versions whose delta takes `DELTA_BYTES`."""
    async with open_channel(server) as channel:
        client = ParameterClient(channel)
        await client.register_model(SPEC)
        async with open_session(client, "fan-out", 1, "benchmark") as session:
            head = session.opened.head
            base = 0 if head is None else head.version
            for _ in range(count):
                units = {0: os.urandom(DELTA_BYTES)}
                push = Push(
                    "fan-out", 1, session.opened.epoch, base, f"push-{base}", encode_side(SideDelta(units)),
                    encode_side(SideDelta()), False, HashTree(units).root, HashTree().root, 1,
                )  # fmt: skip
                base = (await client.push(push)).version
                await asyncio.sleep(every_s)


@contextlib.contextmanager
def servers(folder: Path, replicas: int) -> Iterator[tuple[list[int], list[int]]]:
    """A parameter server with `replicas` that follow it: their ports and process ids, the leader first."""
    ports = free_ports(2 * (1 + replicas))
    pids = []
    with contextlib.ExitStack() as started:
        for number in range(1 + replicas):
            port, http_port = ports[2 * number : 2 * number + 2]
            where = ["--follow", f"127.0.0.1:{ports[0]}"] if number else ["--data", str(folder / "data")]
            command = python(
                "riverrun_param_server", "--port", str(port), "--http-port", str(http_port), *where
            )
            process = started.enter_context(running(command, folder / f"server-{number}.log"))
            wait_until(lambda port=port: listening(port), "the server")  # type: ignore[misc]
            pids.append(process.pid)
        yield ports[::2], pids


def measured(readers_count: int, replicas: int) -> tuple[np.ndarray[Any, Any], float]:
    """Latencies, and the leader's CPU milliseconds per reader and version."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with servers(folder, replicas) as (ports, pids):
            leader = f"127.0.0.1:{ports[0]}"
            asyncio.run(push_versions(leader, 1, 0))
            with readers("read", ports[1:] or ports, readers_count, folder):
                before = cpu_seconds(pids[:1])
                asyncio.run(push_versions(leader, VERSIONS, EVERY_S))
                spent_ms = 1000 * (cpu_seconds(pids[:1]) - before)
            return latencies_ms(folder, 2), spent_ms / VERSIONS / readers_count


def measured_bare(readers_count: int) -> np.ndarray[Any, Any]:
    """Latencies of the bare server."""
    with tempfile.TemporaryDirectory() as name:
        folder, [port] = Path(name), free_ports(1)
        command = python("benchmarks.fan_out", "broadcast", str(port))
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            wait_until(lambda: listening(port), "the bare server")
            with readers("read-bare", [port], readers_count, folder):
                server.stdin.write("go\n")
                server.stdin.flush()
                server.stdout.readline()
            server.stdin.close()
            server.wait(30)
        return latencies_ms(folder, 1)


def restarted(readers_count: int) -> float:
    """Seconds from the start of so many readers at once until the last of them has the weights."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with servers(folder, 0) as (ports, _):
            asyncio.run(push_versions(f"127.0.0.1:{ports[0]}", 1, 0))
            begun = time.time_ns()
            with readers("read", ports, readers_count, folder):
                return max(int(path.read_text()) - begun for path in folder.glob("*.ready")) / 1e9


def figures() -> Iterator[Figure]:
    """Both distances, then the restart."""
    for count, replicas, bound_ms in ((100, 0, 50), (1_000, 4, 250)):
        bare = measured_bare(count)
        ours, spent_ms = measured(count, replicas)
        through = f"through {replicas} read replicas" if replicas else "from the server"
        yield bounded(
            f"fan_out_p99: {count} readers",
            float(np.percentile(ours, 99)),
            "ms",
            at_most=bound_ms,
            reference="a bare grpc.aio server, as many streams",
            reference_value=float(np.percentile(bare, 99)),
            note=(
                f"10 KiB, a version a second, {through}; p50 {np.median(ours):.1f} ms; "
                f"the leader's CPU is {1000 * spent_ms:.0f} us per reader and version"
            ),
        )
    note = "interpreters' start included; each subscribes and pulls"
    yield Figure("readers_restart: 500 readers", rounded(restarted(500)), "s", note=note)


def main() -> None:
    match sys.argv[1:]:
        case ["read", port, count, folder]:
            uvloop.run(_read(_watch, int(port), int(count), Path(folder)))
        case ["read-bare", port, count, folder]:
            uvloop.run(_read(_listen, int(port), int(count), Path(folder)))
        case ["broadcast", port]:
            uvloop.run(_broadcast(int(port)))
        case _:
            for figure in figures():
                print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
