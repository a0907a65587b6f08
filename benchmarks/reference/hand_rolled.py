"""One serving process of the hand-rolled design: FastAPI with the whole model in memory, reloaded from Redis.

Feedback is handed to the trainer through a Redis list. The trainer announces a new model by pub/sub; each
process then fetches the pickle and swaps it in. Nothing is durable, and a process that misses an
announcement waits for the next.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import river.forest
import river.linear_model
import river.preprocessing
from fastapi import FastAPI
from pydantic import BaseModel
from redis.asyncio import Redis

REDIS_PORT = int(os.environ["REFERENCE_REDIS_PORT"])

# Imported up front so that the first unpickle does not import River while requests wait.
WARM = (river.forest.ARFClassifier, river.linear_model.LogisticRegression, river.preprocessing.StandardScaler)


class Rows(BaseModel):
    """A row to predict."""

    features: dict[str, float]


class Labelled(BaseModel):
    """A row with its label. `event` is the sender's number for it."""

    event: int
    features: dict[str, float]
    label: bool


class Served:
    """The model in use, and a record of when each came into use: (events learned, Unix ns)."""

    def __init__(self) -> None:
        self.model: Any = None
        self.learned = 0
        self.swaps: list[tuple[int, int]] = []

    def swap(self, pickled: bytes) -> None:
        """Take a pickled (model, events learned) into use."""
        self.model, self.learned = pickle.loads(pickled)
        self.swaps.append((self.learned, time.time_ns()))


served = Served()
redis: Any = Redis(port=REDIS_PORT)


async def follow() -> None:
    """Reload the model at each announcement."""
    async with redis.pubsub() as announcements:
        await announcements.subscribe("model")
        if (pickled := await redis.get("model")) is not None:
            served.swap(pickled)
        async for message in announcements.listen():
            if message["type"] == "message" and (pickled := await redis.get("model")) is not None:
                served.swap(pickled)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Follow the trainer for as long as the process serves."""
    following = asyncio.create_task(follow())
    yield
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following
    await redis.aclose()


app = FastAPI(lifespan=lifespan)


@app.post("/predict")
async def predict(row: Rows) -> dict[str, Any]:
    """Answer with the probability of the positive class."""
    answer = served.model.predict_proba_one(row.features)
    return {"probability": answer.get(True, 0.5), "learned": served.learned}


@app.post("/feedback", status_code=202)
async def feedback(row: Labelled) -> dict[str, int]:
    """Hand a labelled row to the trainer."""
    await redis.rpush("events", row.model_dump_json())
    return {"accepted": 1}


@app.get("/swaps")
async def swaps() -> list[tuple[int, int]]:
    """When each model came into use in this process."""
    return served.swaps
