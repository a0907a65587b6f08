"""What all verbs of the SDK go through: one parameter server, and one serving process."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from riverrun.client.addresses import server_address
from riverrun.client.run_folder import DEFAULT_DATA
from riverrun.client.serving_api import ServingApi
from riverrun.rpc.channels import open_channel
from riverrun.rpc.credentials import Credentials
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.retrain_client import RetrainClient


class Connection:
    """Connects when first used; may be used by many tasks of one event loop."""

    def __init__(
        self,
        *,
        server: str = "",
        serving: str = "",
        data: Path = DEFAULT_DATA,
        timeout_s: float = 10.0,
        retry_s: float = 30.0,
        credentials: Credentials | None = None,
    ) -> None:
        """`server` is the parameter server's host:port, `serving` the base URL of a serving process.

        Where one is empty it is RIVERRUN_SERVER or RIVERRUN_SERVING, else what the run folder of the data
        folder `data` names. `retry_s` bounds how long `feedback` is tried again. `credentials` are the
        certificates and the token that calls use, by default those that the environment names.
        """
        self._server = server
        self._data = data
        self._timeout_s = timeout_s
        self._credentials = credentials or Credentials.from_environment()
        self._serving = ServingApi(
            serving, data, timeout_s=timeout_s, retry_s=retry_s, credentials=self._credentials
        )
        self._params: ParameterClient | None = None
        self._channel: Any = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; may be repeated."""
        await self._serving.close()
        if self._channel is not None:
            await self._channel.close()
            self._channel = self._params = None

    def _client(self) -> ParameterClient:
        if self._params is None:
            self._channel = open_channel(server_address(self._server, self._data), self._credentials)
            self._params = ParameterClient(self._channel, deadline_s=self._timeout_s)
        return self._params

    def _retrains(self) -> RetrainClient:
        self._client()
        return RetrainClient(self._channel, deadline_s=self._timeout_s)
