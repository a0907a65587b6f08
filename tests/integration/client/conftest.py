"""A serving process that answers as a test says, over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from riverrun.runtime.status_app import serving_http


class FakeServing:
    """Keeps what was asked; answers with the next of `answers`, then with 202 for whatever was sent."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[tuple[str, Any]] = []
        self.answers: list[Response | Callable[[], Any]] = []
        self.app = Starlette(routes=[Route("/{path:path}", self._answer, methods=["POST"])])

    async def _answer(self, request: Request) -> Response:
        body = await request.body()
        lines = request.headers["content-type"] == "application/x-ndjson"
        asked = (
            [msgspec.json.decode(line) for line in body.splitlines()] if lines else msgspec.json.decode(body)
        )
        self.asked.append((request.url.path, asked))
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Response):
                return answer
            await asyncio.sleep(3600)
        return JSONResponse({"accepted": len(asked), "duplicates": 0, "rejected": []}, 202)


@pytest.fixture
async def serving() -> AsyncIterator[FakeServing]:
    fake = FakeServing()
    async with serving_http(fake.app, "127.0.0.1", 0, drain_s=1) as port:
        fake.url = f"http://127.0.0.1:{port}"
        yield fake
