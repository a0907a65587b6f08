"""Predictions and feedback, over REST to a serving process."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from riverrun.client.answers import FeedbackAnswer, ManyAnswer, PredictAnswer
from riverrun.client.connection import Connection
from riverrun.core.errors import InvalidInput
from riverrun.core.predictions import Features, Label


class PredictionVerbs(Connection):
    """Ask, and tell what happened."""

    async def predict(
        self,
        model: str,
        features: Features,
        *,
        id: str | None = None,
        key: str | None = None,
        time: datetime.datetime | None = None,
        durable: bool = False,
    ) -> PredictAnswer:
        """The prediction for one row. `id` names it for feedback; `key` decides its arm.

        `time` is when it happened, now by default. With `durable` it is on disk when this returns, for its
        label to be joined to, or this raises `Unavailable`.
        """
        return await self._serving.predict(
            model, features, id=id, key=key, time=time, durable=durable or None
        )

    async def predict_many(
        self,
        model: str,
        rows: Sequence[Features],
        *,
        id: str | None = None,
        key: str | None = None,
        time: datetime.datetime | None = None,
        durable: bool = False,
    ) -> ManyAnswer:
        """The predictions for many rows, all by one version; `ids` of the answer name them for feedback."""
        return await self._serving.predict_many(
            model, rows, id=id, key=key, time=time, durable=durable or None
        )

    async def feedback(
        self,
        model: str,
        label: Label,
        *,
        features: Features | None = None,
        id: str | None = None,
        time: datetime.datetime | None = None,
        weight: float | None = None,
        event_id: str | None = None,
    ) -> FeedbackAnswer:
        """Tell what happened, of the prediction `id` alone or of `features`; returns once it is durable.

        By `id` alone the trainer joins it to the prediction, where the model's spec names a `label.window`.

        Tries again while the log is away, and counts once however often it was sent: without `id` and
        `event_id` it gets an event id of its own. Raises `InvalidInput` when it is rejected.
        """
        entry = {
            "id": id,
            "features": features,
            "label": label,
            "time": time,
            "weight": weight,
            "event_id": event_id,
        }
        answer = await self.feedback_many(model, [{k: v for k, v in entry.items() if v is not None}])
        for rejected in answer.rejected:
            raise InvalidInput("", rejected.error)
        return answer

    async def feedback_many(self, model: str, entries: Iterable[Mapping[str, Any]]) -> FeedbackAnswer:
        """`feedback` for many entries with the keys label, features, id, time, weight and event_id.

        Sent in lots, each tried again until it is durable; one wrong entry spoils no other. `rejected`
        counts from the first entry given.
        """
        return await self._serving.feedback_many(model, entries)
