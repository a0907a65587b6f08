"""Learning a model anew, beside the one that is live."""

from __future__ import annotations

import datetime

from riverrun.client.connection import Connection
from riverrun.core.retraining import Retrain


class RetrainVerbs(Connection):
    """Start, follow and cancel retrains."""

    async def start_retrain(
        self, model: str, reason: str = "", *, since: datetime.datetime | None = None
    ) -> Retrain:
        """Learn `model` anew from history, in a line of its own that takes over if it is better.

        Of examples only those from `since` on, by default what the spec's history says. Returns once it is
        durable that it shall happen; `retrains` tells how far it is. Raises `AlreadyExists` while one is
        under way, `NotReady` before live has a version.
        """
        return await self._retrains().start(model, reason, since=since)

    async def retrains(self, model: str) -> list[Retrain]:
        """The retrains of `model`, newest first: the one under way, and those that ended lately."""
        return await self._retrains().list(model)

    async def cancel_retrain(self, model: str, reason: str = "") -> Retrain:
        """End the retrain that is under way; live goes on as it was. Raises `NotFound` where none is."""
        return await self._retrains().cancel(model, reason)
