"""The model behind Ray Serve: ``python -m benchmarks.reference.peer_ray_serve PORT FOLDER``.

One deployment of one replica, as the first example of its documentation has it, but that as many requests
as come may be in flight, and no line is logged for each. Ray keeps its files in FOLDER.
"""

from __future__ import annotations

import signal
import sys

import ray
from ray import serve
from ray.serve._private import replica
from starlette.requests import Request
from starlette.responses import JSONResponse

from benchmarks.reference.peer_model import answer, taught_model

OBJECT_STORE_BYTES = 80 * 1024 * 1024


@serve.deployment(max_ongoing_requests=100)
class Phishing:
    """A River model."""

    def __init__(self) -> None:
        listen_on_loopback()
        self._model = taught_model()

    async def __call__(self, request: Request) -> JSONResponse:
        body = await request.json()
        return JSONResponse(answer(self._model, body["features"]))


def listen_on_loopback() -> None:
    """Let the replica be called by this machine alone: Ray itself has no setting for that port's address."""
    bind = replica.add_port_to_grpc_server
    replica.add_port_to_grpc_server = lambda server, address: bind(
        server, address.replace("[::]", "127.0.0.1")
    )


if __name__ == "__main__":
    ray.init(include_dashboard=False, object_store_memory=OBJECT_STORE_BYTES, _temp_dir=sys.argv[2])
    # As Ctrl-C does: `run` shuts everything down that Ray has started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    quiet = {"enable_access_log": False}
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])}, logging_config=quiet)
    app = Phishing.bind()  # type: ignore[attr-defined]  # the decorator gives it
    serve.run(app, blocking=True, logging_config=quiet)
