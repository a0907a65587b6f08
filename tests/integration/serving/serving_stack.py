"""A real parameter server and real serving processes on loopback, in this process; no trainer service.

What stands in for the trainer learns with a real learner and pushes over a real session, one version when
a test says so: who wins a race is then the test's to say.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import httpx2 as httpx
from riverrun_param_server import app as param_server_app
from riverrun_param_server.settings import ParamServerSettings
from riverrun_serving.app import Serving, running
from riverrun_serving.settings import ServingSettings

from riverrun.codec.wire import encode_side
from riverrun.core.digest import HashTree
from riverrun.core.errors import Unavailable
from riverrun.core.events import Arrivals
from riverrun.core.spec import ModelSpec, parse_spec
from riverrun.core.units import Delta, State
from riverrun.learners.build import build_learner
from riverrun.rpc.channels import open_channel
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.trainer_session import TrainerSession, open_session
from riverrun.rpc.weights import Push
from riverrun.runtime.lifecycle import Stop

FRAUD = """
name: fraud
task: binary
learner: river
model:
  - preprocessing.StandardScaler
  - linear_model.LogisticRegression: {optimizer: {optim.SGD: {lr: 0.1}}}
features:
  amount: {type: float, min: 0}
  hour: float
"""

CLICKS = """
name: clicks
task: multiclass
learner: river
model:
  - union:
      - [{compose.Select: [age]}, preprocessing.StandardScaler]
      - [{compose.Select: [country]}, preprocessing.OneHotEncoder]
  - multiclass.OneVsRestClassifier: {classifier: linear_model.LogisticRegression}
features:
  age: {type: int, min: 0, required: true}
  country: category
  member: bool
"""

PATIENCE_S = 60.0
"""In place of the deadlines that calls and requests have by default: machines stand still for seconds."""

HOUSES = """
name: houses
task: regression
learner: river
model:
  - preprocessing.StandardScaler
  - linear_model.LinearRegression
features: {rooms: int, size: float}
"""


async def eventually(check: Callable[[], Awaitable[bool] | bool], why: str, within_s: float = 60.0) -> None:
    """Poll until `check` holds; fail with `why` after `within_s`."""
    end = time.monotonic() + within_s
    while True:
        result = check()
        if await result if isinstance(result, Awaitable) else result:
            return
        assert time.monotonic() < end, why
        await asyncio.sleep(0.01)


class HandTrainer:
    """Learns what it is told and pushes a version each time."""

    def __init__(self, spec: ModelSpec, client: ParameterClient, session: TrainerSession, line: int) -> None:
        self.spec = spec
        self.learner = build_learner(spec)
        self.version = 0
        self._client = client
        self._session = session
        self._line = line
        self._examples = 0

    async def push(self, rows: Iterable[tuple[dict[str, Any], Any]] = ()) -> int:
        """Learn `rows` and push what changed; the version."""
        for features, label in rows:
            self.learner.learn([features], [label], [1.0])
            self._examples += 1
        delta = self.learner.changes()
        return await self._push(delta, self.learner.roots(), snapshot=self.version == 0)

    async def push_whole(self) -> int:
        """Push the learner's whole state; the version."""
        self.learner.changes()
        return await self._push(self.learner.state().as_snapshot(), self.learner.roots(), snapshot=True)

    async def push_nonsense(self) -> int:
        """Push weights that fit their digests and that no reader can decode; the version.

        Only `push_whole` goes on from there.
        """
        state = self.learner.state()
        units = dict.fromkeys(state.serving, b"nonsense")
        roots = HashTree(units).root, HashTree(state.trainer).root
        delta = State(units, state.trainer, state.next_unit).as_snapshot()
        return await self._push(delta, roots, snapshot=True)

    async def _push(self, delta: Delta, roots: tuple[bytes, bytes], *, snapshot: bool) -> int:
        pushed = await self._client.push(
            Push(
                model=self.spec.name,
                line=self._line,
                epoch=self._session.opened.epoch,
                base_version=self.version,
                push_id=f"{self.spec.name}-{self.version + 1}-{time.monotonic_ns()}",
                serving=encode_side(delta.serving),
                trainer=encode_side(delta.trainer),
                snapshot=snapshot,
                serving_root=roots[0],
                trainer_root=roots[1],
                next_unit=delta.next_unit,
                examples=self._examples,
                arrivals=Arrivals(time.time_ns(), time.time_ns()) if self._examples else Arrivals(),
            )
        )
        self.version = pushed.version
        await self._session.report(examples=self._examples)
        return self.version

    def predict(self, features: dict[str, Any]) -> Any:
        """What the learner itself says now."""
        return self.learner.predict(features)


class Stack:
    """The parameter server and what was started against it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Bound for as long as the stack is there, though never listened on: while the server is away, the
        # port goes neither to another server nor to an outgoing connection.
        self._held = socket.socket()
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.bind(("127.0.0.1", 0))
        self.port: int = self._held.getsockname()[1]
        self.client: ParameterClient
        self.store: Any = None
        self._own: contextlib.AsyncExitStack | None = None
        self._server: contextlib.AsyncExitStack | None = None
        self._beside = contextlib.AsyncExitStack()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start_server(self, data: str = "param-server") -> None:
        """Start the parameter server, always on the same port."""
        settings = ParamServerSettings(
            port=self.port, http_port=0, data=self.folder / data, lease_s=30.0, drain_s=0.5
        )
        stack = contextlib.AsyncExitStack()
        stop = Stop()
        server = await stack.enter_async_context(param_server_app.running(settings, stop=stop))
        waiting = asyncio.create_task(server.wait())

        async def end() -> None:
            stop.ask()
            await waiting

        stack.push_async_callback(end)
        self._server = stack

    async def stop_server(self) -> None:
        """Stop the parameter server; it can be started again."""
        if self._server is not None:
            stack, self._server = self._server, None
            await stack.aclose()

    async def start_server_again(self, data: str = "param-server") -> None:
        """Start a stopped server; returns once our own client reaches it."""
        await self.start_server(data)

        async def reached() -> bool:
            try:
                await self.client.list_models()
            except Unavailable:
                return False
            return True

        await eventually(reached, "the parameter server never came back")

    async def open(self) -> None:
        await self.start_server()
        channel = open_channel(self.address)
        self._beside.push_async_callback(channel.close)
        self.client = ParameterClient(channel, deadline_s=PATIENCE_S)

    async def close(self) -> None:
        await self._beside.aclose()
        await self.stop_server()
        self._held.close()

    async def trainer(self, spec_yaml: str) -> HandTrainer:
        """Register the model and be its trainer."""
        info, _ = await self.client.register_model(spec_yaml)
        line = info.lines[-1].number
        session = await self._beside.enter_async_context(open_session(self.client, info.name, line, "hand"))
        return HandTrainer(parse_spec(spec_yaml), self.client, session, line)

    async def serving(self, **settings: Any) -> Served:
        """A serving process of its own, with its HTTP client; ends with the test."""
        return await self._beside.enter_async_context(self.serving_for_now(**settings))

    @contextlib.asynccontextmanager
    async def serving_for_now(self, **settings: Any) -> AsyncIterator[Served]:
        """The same, ending with the block."""
        own = {"rest_port": 0, "grpc_port": 0, "param_server": self.address, "drain_s": 0.5}
        patient = {"deadline_s": PATIENCE_S, "log_deadline_s": PATIENCE_S, "receive_s": PATIENCE_S}
        chosen = ServingSettings(**(own | patient | settings))
        async with (
            running(chosen) as app,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{app.rest_port}", timeout=PATIENCE_S) as http,
        ):
            yield Served(app, http)


class Served:
    """One serving process and a client of its REST API."""

    def __init__(self, app: Serving, http: httpx.AsyncClient) -> None:
        self.app = app
        self.http = http

    @property
    def grpc_address(self) -> str:
        return f"127.0.0.1:{self.app.grpc_port}"

    async def predict(self, model: str, features: dict[str, Any], **more: Any) -> dict[str, Any]:
        """The answer for one row; fails on any other status than 200."""
        response = await self.http.post(f"/v1/models/{model}:predict", json={"features": features} | more)
        assert response.status_code == 200, response.text
        return dict(response.json())

    async def version(self, model: str, channel: str = "live") -> int:
        """The version that a channel answers with; 0 for none."""
        response = await self.http.get(f"/v1/models/{model}")
        if response.status_code != 200:
            return 0
        return int(response.json()["channels"].get(channel, {}).get("version") or 0)

    async def reaches(self, model: str, version: int, channel: str = "live", within_s: float = 60.0) -> None:
        """Return once `channel` answers with `version`, and every model is known."""

        async def there() -> bool:
            return self.app.models.complete and await self.version(model, channel) == version

        await eventually(there, f"{model} never reached version {version} on {channel}", within_s)
