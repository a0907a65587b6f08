"""The trainer of the hand-rolled design: learns from a Redis list, pickles the model every ten events.

It begins with what the file named by REFERENCE_MODEL holds: a pickled (model, events learned).
"""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from redis import Redis
from river import metrics

PUBLISH_EVERY = 10


class Labelled(BaseModel):
    """A row with its label, as the serving processes hand it on."""

    event: int
    features: dict[str, float]
    label: bool


def main() -> None:
    redis: Any = Redis(port=int(os.environ["REFERENCE_REDIS_PORT"]))
    model, learned = pickle.loads(Path(os.environ["REFERENCE_MODEL"]).read_bytes())
    scores = metrics.ROCAUC() + metrics.LogLoss()
    redis.set("model", pickle.dumps((model, learned)))
    redis.publish("model", b"new")
    while True:
        _, event = redis.blpop(["events"])
        row = Labelled.model_validate_json(event)
        scores.update(row.label, model.predict_proba_one(row.features))
        model.learn_one(row.features, row.label)
        learned += 1
        if learned % PUBLISH_EVERY == 0:
            redis.set("model", pickle.dumps((model, learned)))
            redis.publish("model", b"new")


if __name__ == "__main__":
    main()
