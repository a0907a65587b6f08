"""The few calls of the Kubernetes API server that knowing its tokens takes, and making Jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import msgspec

from riverrun.core.errors import AlreadyExists, Unavailable
from riverrun.rpc.credentials import read_token
from riverrun.runtime.certificates import CertificateFiles, client_context
from riverrun.runtime.watched_files import WatchedFiles

PEER = "the Kubernetes API server"

DEADLINE_S = 5.0

CONNECTIONS = 8
"""At most: a flood of unknown tokens must not become one at the API server."""


class KubernetesApi:
    """JSON in and out, as the service account whose token lies in a file."""

    def __init__(self, server: str, ca_file: Path, token_file: Path) -> None:
        """Raises OSError, ValueError where a file cannot be used."""
        self._server = server
        files = CertificateFiles(ca=ca_file)
        self._tls = WatchedFiles(files.paths(), lambda: client_context(files))
        self._token = WatchedFiles([token_file], lambda: read_token(token_file))
        self._trusted = self._tls.current()
        self._http = self._client()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def get(self, path: str) -> Any:
        """The document at `path`; raises `Unavailable`."""
        return await self._call("GET", path, None)

    async def post(self, path: str, document: Any) -> Any:
        """The answer to `document`; raises `AlreadyExists` where its name is taken, `Unavailable`."""
        return await self._call("POST", path, msgspec.json.encode(document))

    async def _call(self, method: str, path: str, body: bytes | None) -> Any:
        headers = {"authorization": f"Bearer {self._token.current()}", "content-type": "application/json"}
        try:
            http = await self._newest_client()
            response = await http.request(method, path, content=body, headers=headers)
        except httpx2.HTTPError as error:
            raise Unavailable(PEER, f"{self._server}: {type(error).__name__}") from error
        if response.status_code == httpx2.codes.CONFLICT:
            raise AlreadyExists("object", path)
        if not response.is_success:
            raise Unavailable(PEER, f"{method} {path} answered {response.status_code}")
        try:
            return msgspec.json.decode(response.content)
        except msgspec.DecodeError as error:
            raise Unavailable(PEER, f"{method} {path} answered something else than JSON") from error

    async def _newest_client(self) -> httpx2.AsyncClient:
        found = self._tls.current()
        if found is not self._trusted:
            former, self._trusted = self._http, found
            self._http = self._client()
            await former.aclose()
        return self._http

    def _client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            base_url=self._server,
            verify=self._trusted,
            timeout=DEADLINE_S,
            limits=httpx2.Limits(max_connections=CONNECTIONS),
            trust_env=False,
        )
