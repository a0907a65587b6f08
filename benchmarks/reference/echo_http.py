"""A FastAPI echo of a prediction request: a validated body with a dict in it, and nothing done with it."""

from __future__ import annotations

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Request(BaseModel):
    """The body of a prediction request."""

    features: dict[str, float]


@app.post("/echo")
async def echo(request: Request) -> Request:
    """Answer with what came."""
    return request
