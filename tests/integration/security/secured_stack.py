"""A stack with TLS on every port, client certificates at the parameter server, and tokens; in this process.

Certificates are of an authority of our own, keys of our own making, files are looked at at each use.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from riverrun_param_server import app as param_server_app
from riverrun_param_server.settings import ParamServerSettings
from riverrun_serving.app import Serving
from riverrun_serving.app import running as serving_running
from riverrun_serving.settings import ServingSettings
from riverrun_trainer.app import serve as serve_trainer
from riverrun_trainer.settings import TrainerSettings

from riverrun.client.async_client import AsyncClient
from riverrun.core.access import Role
from riverrun.rpc.access.key_file import new_key
from riverrun.rpc.authority import issue
from riverrun.rpc.credentials import Credentials
from riverrun.runtime.certificates import CertificateFiles
from riverrun.runtime.lifecycle import Stop

NAMES = ("localhost", "127.0.0.1")

PATIENCE_S = 60.0
"""In place of the deadlines that calls and requests have by default: machines stand still for seconds."""

SPEC = """
name: fraud
task: binary
learner: river
model:
  - preprocessing.StandardScaler
  - linear_model.LogisticRegression: {optimizer: {optim.SGD: {lr: 0.1}}}
features: {amount: {type: float, min: 0}, hour: float}
publish: {every_events: 1}
"""


@dataclass
class Secrets:
    """Files of a stack: certificates, a key for each role, and the file of keys that services read."""

    folder: Path
    keys: dict[Role, str] = field(default_factory=dict)

    def make(self) -> None:
        """Blocks."""
        self.renew_certificate()
        for role in Role:
            key, line = new_key(f"the-{role}", role)
            self.keys[role] = key
            self.token_file(role).write_text(key + "\n")
            with self.key_file.open("a") as lines:
                lines.write(line + "\n")

    def renew_certificate(self) -> None:
        issue(self.folder, NAMES, days=1)

    @property
    def key_file(self) -> Path:
        return self.folder / "keys"

    def token_file(self, role: Role) -> Path:
        return self.folder / f"token-{role}"

    @property
    def certificates(self) -> CertificateFiles:
        return CertificateFiles(self.folder / "tls.crt", self.folder / "tls.key", self.folder / "ca.crt")

    def credentials(self, role: Role | None, *, with_cert: bool = True) -> Credentials:
        files = self.certificates if with_cert else CertificateFiles(ca=self.folder / "ca.crt")
        return Credentials(files, token_file=self.token_file(role) if role else None, look_every_s=0.0)

    def settings(self, role: Role | None = None) -> dict[str, Any]:
        """What every service of the stack is told; `role` is its own."""
        return {
            "tls_cert_file": self.certificates.cert,
            "tls_key_file": self.certificates.key,
            "tls_ca_file": self.certificates.ca,
            "token_file": self.token_file(role) if role else None,
            "drain_s": 0.5,
        }

    def auth(self) -> dict[str, Any]:
        return {"auth_mode": "keys", "auth_keys_file": self.key_file}


@dataclass
class SecuredStack:
    """What runs, and how to reach it."""

    secrets: Secrets
    server: param_server_app.Running
    serving: Serving

    @property
    def server_address(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    @property
    def serving_url(self) -> str:
        return f"https://127.0.0.1:{self.serving.rest_port}"

    def client(self, role: Role | None, **more: Any) -> AsyncClient:
        """The SDK with the key of `role`."""
        return AsyncClient(
            server=self.server_address,
            serving=self.serving_url,
            credentials=self.secrets.credentials(role),
            **({"timeout_s": PATIENCE_S} | more),
        )


def secured_http(stack: SecuredStack, url: str = "") -> httpx2.AsyncClient:
    """A client without a certificate of the port at `url`, else of serving's."""
    context = ssl.create_default_context(cafile=stack.secrets.certificates.ca)
    return httpx2.AsyncClient(
        base_url=url or stack.serving_url, verify=context, trust_env=False, timeout=PATIENCE_S
    )


@contextlib.asynccontextmanager
async def secured_stack(
    folder: Path, *, trainer: bool = False, auth: dict[str, Any] | None = None, **serving: Any
) -> AsyncIterator[SecuredStack]:
    """`auth` in place of that by keys; `serving` are more settings of the serving process."""
    secrets = Secrets(folder)
    await asyncio.to_thread(secrets.make)
    asked = secrets.auth() if auth is None else auth
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            param_server_app.running(
                ParamServerSettings(
                    port=0,
                    http_port=0,
                    data=folder / "data",
                    tls_client_certs="required",
                    **secrets.settings(),
                    **asked,
                )
            )
        )
        waiting = asyncio.create_task(server.wait())

        async def end() -> None:
            server.stop.ask()
            await waiting

        stack.push_async_callback(end)
        address = f"127.0.0.1:{server.port}"
        app = await stack.enter_async_context(
            serving_running(
                ServingSettings(
                    rest_port=0,
                    grpc_port=0,
                    param_server=address,
                    deadline_s=PATIENCE_S,
                    log_deadline_s=PATIENCE_S,
                    receive_s=PATIENCE_S,
                    **secrets.settings(Role.SERVING),
                    **asked,
                    **serving,
                )
            )
        )
        if trainer:
            stop = Stop()
            own = TrainerSettings(http_port=0, param_server=address, **secrets.settings(Role.TRAINER))
            training = asyncio.create_task(serve_trainer(own, stop))

            async def end_trainer() -> None:
                stop.ask()
                await training

            stack.push_async_callback(end_trainer)
        yield SecuredStack(secrets, server, app)
