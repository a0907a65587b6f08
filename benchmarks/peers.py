"""Single predictions of the same River model by riverrun, MLServer, BentoML and Ray Serve.

Each peer is what its documentation has for a model of one's own (`benchmarks/reference/peer_*.py`), in an
environment of its own below .venv-peers, which is made on the first run. It is asked as riverrun is: the
same row in JSON over 32 connections, the server on core 0 and the client on core 1, in rounds that
alternate. What is compared is answers per second of CPU time, that of *all* processes of each: riverrun's
parameter server and trainer count, too. No round begins before a server answers what River itself says.

MLServer is asked by the Open Inference Protocol, and riverrun beside it by the same bytes.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx2

from benchmarks import workload
from benchmarks.figures import Figure
from benchmarks.http_load import post
from benchmarks.predict import MANY, SERVER_CORE, Round, compare, http, measure, taught
from benchmarks.processes import running, stop_tree, tree, wait_until
from benchmarks.reference.peer_model import answer, taught_model
from benchmarks.stack import START_S, Stack
from riverrun.cli.up.ports import free_ports
from scripts.environment import Environment

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = Path(__file__).resolve().parent / "reference"
TIMES_EACH = 4.0
"""The target beside each peer, and so beside the best of them."""
ROW = workload.rows()[0][0]


@dataclass(frozen=True, slots=True)
class Question:
    """How a server is asked for the prediction of `ROW`; `share` reads the share of true in its answer."""

    path: str
    body: dict[str, Any]
    share: Callable[[Any], float]

    @property
    def message(self) -> bytes:
        """The bytes of the request."""
        return post(self.path, json.dumps(self.body).encode())

    def is_answered_with(self, share: float, port: int) -> bool:
        """Whether a server says that `share`; False, too, where none answers yet."""
        try:
            response = httpx2.post(f"http://127.0.0.1:{port}{self.path}", json=self.body)
        except httpx2.HTTPError:
            return False
        return response.status_code == 200 and abs(self.share(response.json()) - share) < 1e-9

    def round(self, pids: list[int], port: int) -> Round:
        """A round of a server that is these processes."""
        return measure(pids, partial(http, port, self.message, MANY))


def native(path: str) -> Question:
    """A row by the names of its features."""
    return Question(path, {"features": ROW}, lambda answered: answered["probabilities"]["true"])


INFER = Question(
    f"/v2/models/{workload.NAME}/infer",
    {
        "inputs": [
            {"name": "features", "datatype": "FP64", "shape": [1, len(ROW)], "data": list(ROW.values())}
        ]
    },
    lambda answered: next(one for one in answered["outputs"] if one["name"] == "probabilities")["data"][1],
)
PREDICT = native(f"/v1/models/{workload.NAME}:predict")


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that is not ours.

    `program` is one of its environment's. It, `arguments` and `settings`, which become its environment
    variables, have places for a `{folder}` of its own and for ports: `{port}` is the one that is asked.
    """

    name: str
    distribution: str
    requirements: Path
    program: str
    arguments: tuple[str, ...]
    theirs: Question
    ours: Question
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> Environment:
        """Its own, in which River is as we have it."""
        folder = ROOT / ".venv-peers" / self.distribution
        return Environment(folder, (self.requirements, REQUIREMENTS / "requirements-river.txt"))


PEERS = (
    Peer(
        "MLServer",
        "mlserver",
        ROOT / "tests" / "conformance" / "requirements-mlserver.txt",
        "mlserver",
        ("start", "{folder}"),
        INFER,
        INFER,
        {
            "MLSERVER_MODEL_NAME": workload.NAME,
            "MLSERVER_MODEL_IMPLEMENTATION": "benchmarks.reference.peer_mlserver.RiverModel",
            "MLSERVER_PARALLEL_WORKERS": "0",
            # Else each request is a line in its log.
            "MLSERVER_DEBUG": "false",
            "MLSERVER_HOST": "127.0.0.1",
            "MLSERVER_HTTP_PORT": "{port}",
            "MLSERVER_GRPC_PORT": "{grpc_port}",
            "MLSERVER_METRICS_PORT": "{metrics_port}",
            "MLSERVER_METRICS_DIR": "{folder}",
            "MLSERVER_ENVIRONMENTS_DIR": "{folder}",
        },
    ),
    Peer(
        "BentoML",
        "bentoml",
        REQUIREMENTS / "requirements-bentoml.txt",
        "bentoml",
        ("serve", "benchmarks.reference.peer_bentoml:Phishing", "--host", "127.0.0.1", "--port", "{port}"),
        native("/predict"),
        PREDICT,
        {"BENTOML_HOME": "{folder}", "BENTOML_DO_NOT_TRACK": "true"},
    ),
    Peer(
        "Ray Serve",
        "ray",
        REQUIREMENTS / "requirements-ray-serve.txt",
        "python",
        ("-m", "benchmarks.reference.peer_ray_serve", "{port}", "{folder}"),
        native("/"),
        PREDICT,
        {
            "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
            "RAY_USAGE_STATS_ENABLED": "0",
            # Nobody else can ask: no cluster of several machines, so everything listens on loopback.
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
            "RAY_AUTH_MODE": "disabled",
        },
    ),
)


@contextmanager
def serving(peer: Peer, share: float) -> Iterator[tuple[int, int]]:
    """The process of a peer and its port, once it answers with `share`; all its processes end with it.

    Raises:
        RuntimeError: it ended, with what it said last.
        TimeoutError: it does not answer so in time.
    """
    with tempfile.TemporaryDirectory(prefix="riverrun-bench-") as folder:
        port, grpc_port, metrics_port = free_ports(3)
        places = {"folder": folder, "port": port, "grpc_port": grpc_port, "metrics_port": metrics_port}
        command = [str(peer.environment.program(peer.program))]
        command += [argument.format_map(places) for argument in peer.arguments]
        settings = {name: value.format_map(places) for name, value in peer.settings.items()}
        env = os.environ | {"PYTHONPATH": str(ROOT)} | settings
        log = Path(folder) / "peer.log"
        with running(command, log, cores=SERVER_CORE, env=env) as process:

            def is_ready() -> bool:
                if (status := process.poll()) is not None:
                    raise RuntimeError(f"{peer.name} ended with {status}: {log.read_text()[-2000:]}")
                return peer.theirs.is_answered_with(share, port)

            try:
                wait_until(is_ready, f"{peer.name} to answer as River does", START_S)
                yield process.pid, port
            finally:
                stop_tree(process)


def beside(peer: Peer, stack: Stack, share: float) -> Figure:
    """riverrun beside a peer."""
    [port] = stack.rest_ports
    version = peer.environment.version_of(peer.distribution)
    with serving(peer, share) as (process, their_port):
        return compare(
            f"peers_{peer.name.lower().replace(' ', '_')}",
            f"{peer.name} {version} at {peer.theirs.path} (riverrun: {peer.ours.path}), all processes",
            lambda: peer.ours.round(stack.pids, port),
            lambda: peer.theirs.round(tree(process), their_port),
            at_least=TIMES_EACH,
            in_flight=MANY,
        )


def figures() -> Iterator[Figure]:
    """riverrun beside each peer."""
    for peer in PEERS:
        peer.environment.ensure()
    share = answer(taught_model(), ROW)["probabilities"]["true"]
    with taught() as stack:
        [port] = stack.rest_ports
        wait_until(partial(PREDICT.is_answered_with, share, port), "riverrun to have learned every row")
        for peer in PEERS:
            yield beside(peer, stack, share)


def main() -> None:
    for figure in figures():
        print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
