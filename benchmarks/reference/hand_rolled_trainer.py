"""The trainer of the hand-rolled design: learns from a Redis list, pickles the model every ten events."""

from __future__ import annotations

import os
import pickle
from typing import Any

from pydantic import BaseModel
from redis import Redis
from river import linear_model, metrics, optim, preprocessing

PUBLISH_EVERY = 10


class Labelled(BaseModel):
    """A row with its label, as the serving processes hand it on."""

    event: int
    features: dict[str, float]
    label: bool


def main() -> None:
    redis: Any = Redis(port=int(os.environ["REFERENCE_REDIS_PORT"]))
    model: Any = preprocessing.StandardScaler() | linear_model.LogisticRegression(optimizer=optim.SGD(0.05))
    scores = metrics.ROCAUC() + metrics.LogLoss()
    learned = 0
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
