"""The model behind BentoML: a service with one API, and no line in the log for each request."""

from __future__ import annotations

from typing import Any

import bentoml

from benchmarks.reference.peer_model import answer, taught_model


@bentoml.service(workers=1, logging={"access": {"enabled": False}})
class Phishing:
    """A River model."""

    def __init__(self) -> None:
        self._model = taught_model()

    # Async: what is not would wait for a thread at each call, for longer than the model takes.
    @bentoml.api
    async def predict(self, features: dict[str, float]) -> dict[str, Any]:
        """One prediction."""
        return answer(self._model, features)
