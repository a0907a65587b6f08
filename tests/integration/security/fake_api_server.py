"""A Kubernetes API server as far as tokens go, which it signs, publishes keys of and reviews; and Jobs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest import mock

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from riverrun.rpc.access import kubernetes_api
from riverrun.rpc.authority import issue
from riverrun.runtime.certificates import ServerContext
from riverrun.runtime.status_app import serving_http

ISSUER = "https://kubernetes.default.svc.cluster.local"
AUDIENCE = "riverrun"
OWN_TOKEN = "the-token-of-the-service-for-the-api-server"


class FakeApiServer:
    """`url`, `ca` and `own_token` are what a service is told of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
        self.url = ""
        self.ca = folder / "ca.crt"
        self.own_token = folder / "own-token"
        self.is_away = False
        self.reviews = self.refused = 0
        self.gone: set[str] = set()
        """Subjects that are deleted: a review knows, a signature does not."""
        self.jobs: dict[str, dict[str, Any]] = {}
        """Those that were made, by name."""

    def settings(self, mode: str, accounts: Path) -> dict[str, Any]:
        """What makes a service ask here."""
        return {
            "auth_mode": mode,
            "auth_accounts_file": accounts,
            "auth_api_server": self.url,
            "auth_api_ca_file": self.ca,
            "auth_api_token_file": self.own_token,
        }

    def claims(self, subject: str, **changed: Any) -> dict[str, Any]:
        """Those of a good token; `changed` ones in place of them, None: left out."""
        now = int(time.time())
        claims = {"iss": ISSUER, "sub": subject, "aud": [AUDIENCE], "iat": now, "nbf": now, "exp": now + 3600}
        return {key: value for key, value in {**claims, **changed}.items() if value is not None}

    def token(
        self, subject: str, *, key: Any = None, alg: str = "RS256", kid: str = "one", **changed: Any
    ) -> str:
        """A token signed with our key, or another."""
        return jwt.encode(
            self.claims(subject, **changed), key or self._key, algorithm=alg, headers={"kid": kid}
        )

    def public_jwk(self) -> dict[str, Any]:
        jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return {**jwk, "kid": "one", "use": "sig", "alg": "RS256"}

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[FakeApiServer]:
        await asyncio.to_thread(issue, self._folder, ["127.0.0.1"], days=1)
        self.own_token.write_text(OWN_TOKEN)
        app = Starlette(
            routes=[
                Route("/openid/v1/jwks", self._keys),
                Route("/.well-known/openid-configuration", self._about),
                Route("/apis/authentication.k8s.io/v1/tokenreviews", self._review, methods=["POST"]),
                Route("/apis/batch/v1/namespaces/here/jobs", self._make_job, methods=["POST"]),
            ]
        )
        tls = ServerContext(self._folder / "tls.crt", self._folder / "tls.key")
        # Who asks waits for longer than by default: this process, which is both, may stand still for seconds.
        with mock.patch.object(kubernetes_api, "DEADLINE_S", 60.0):
            async with serving_http(app, "127.0.0.1", 0, 1.0, tls) as port:
                self.url = f"https://127.0.0.1:{port}"
                yield self

    async def _keys(self, request: Request) -> Response:
        return self._refusal(request) or JSONResponse({"keys": [self.public_jwk()]})

    async def _about(self, request: Request) -> Response:
        return self._refusal(request) or JSONResponse({"issuer": ISSUER})

    async def _review(self, request: Request) -> Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        self.reviews += 1
        spec = (await request.json())["spec"]
        try:
            claims = jwt.decode(
                spec["token"],
                self._key.public_key(),
                algorithms=["RS256"],
                audience=spec["audiences"],
                issuer=ISSUER,
                options={"require": ["exp", "sub", "aud"]},
            )
        except jwt.PyJWTError as error:
            return JSONResponse({"status": {"authenticated": False, "error": str(error)}}, 201)
        if claims["sub"] in self.gone:
            return JSONResponse({"status": {"authenticated": False, "error": "gone"}}, 201)
        user = {"username": claims["sub"]}
        status = {"authenticated": True, "user": user, "audiences": spec["audiences"]}
        return JSONResponse({"status": status}, 201)

    async def _make_job(self, request: Request) -> Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        job = await request.json()
        name = job["metadata"]["name"]
        if name in self.jobs:
            return JSONResponse({"reason": "AlreadyExists"}, 409)
        self.jobs[name] = job
        return JSONResponse(job, 201)

    def _refusal(self, request: Request) -> Response | None:
        if self.is_away:
            self.refused += 1
            return JSONResponse({"reason": "away"}, 503)
        if request.headers.get("authorization") != f"Bearer {OWN_TOKEN}":
            return JSONResponse({"reason": "Unauthorized"}, 401)
        return None
