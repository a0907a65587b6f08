"""HTTP to one serving process, with the certificates and the token that the files hold now."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx2

from riverrun.rpc.credentials import Credentials


class SecuredHttp:
    """Connections of one base URL. A change of the certificates opens new ones; calls end on their own."""

    def __init__(self, url: str, credentials: Credentials, *, timeout_s: float) -> None:
        """Raises `InvalidInput` where a file cannot be used, or the token would go in the clear."""
        self.url = url
        self._timeout_s = timeout_s
        parts = urlsplit(url)
        if parts.scheme != "https":
            credentials.check_plain(parts.hostname or "")
        self._tls = credentials.watched_http_context() if parts.scheme == "https" else None
        self._token = credentials.watched_token()
        self._extensions = {"sni_hostname": credentials.server_name} if credentials.server_name else {}
        self._used = None if self._tls is None else self._tls.current()
        self._newest = self._made()
        self._retired: set[_Pool] = set()

    async def close(self) -> None:
        """Close the connections; may be repeated."""
        for pool in [self._newest, *self._retired]:
            await pool.http.aclose()
        self._retired.clear()

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> httpx2.Response:
        """The answer to a POST; raises `httpx2.HTTPError` when there is none."""
        if self._token is not None:
            headers = {**headers, "authorization": f"Bearer {self._token.current()}"}
        pool = self._current()
        pool.calls += 1
        try:
            return await pool.http.post(path, content=body, headers=headers, extensions=self._extensions)
        finally:
            pool.calls -= 1
            for retired in [one for one in self._retired if not one.calls]:
                self._retired.discard(retired)
                await retired.http.aclose()

    def _current(self) -> _Pool:
        newest = None if self._tls is None else self._tls.current()
        if newest is not self._used:
            self._used = newest
            self._retired.add(self._newest)
            self._newest = self._made()
        return self._newest

    def _made(self) -> _Pool:
        # Proxies of the environment are for the world outside; a stack is addressed as it is.
        return _Pool(
            httpx2.AsyncClient(
                base_url=self.url,
                timeout=self._timeout_s,
                trust_env=False,
                verify=True if self._used is None else self._used,
            )
        )


class _Pool:
    """The connections of one state of the files, and how many calls are in progress on them."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http
        self.calls = 0
