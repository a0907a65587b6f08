"""The model over REST, as any application would use it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import httpx2
from flights import Flight

MODEL = "late-flights"
DEADLINE_S = 30.0

JSON = {"content-type": "application/json"}
NDJSON = {"content-type": "application/x-ndjson"}


class FlightService:
    """Asks and teaches one serving process. Raises `httpx2.HTTPError` for anything but success."""

    def __init__(self, base_url: str) -> None:
        self._http = httpx2.AsyncClient(base_url=base_url, timeout=DEADLINE_S)
        # Of flights in the air: their prediction's id.
        self._ids: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def predict(self, flights: Sequence[Flight], at: int) -> tuple[list[float], int]:
        """The chance of each flight to be late, by the newest weights, and the version that answered.

        Asked at the minute `at`. The ids of the answers are kept, for the labels to name.
        """
        answer = await self._predict(f"/v1/models/{MODEL}:predict", flights, at)
        for flight, prediction_id in zip(flights, answer["ids"], strict=True):
            self._ids[flight.flight_id] = prediction_id
        return [_chance(one) for one in answer["predictions"]], answer["model_version"]

    async def predict_by(self, channel: str, flights: Sequence[Flight], at: int) -> list[float]:
        """The same by the version that `channel` is held at."""
        answer = await self._predict(f"/v1/models/{MODEL}/versions/{channel}:predict", flights, at)
        return [_chance(one) for one in answer["predictions"]]

    async def channel_version(self, channel: str) -> int | None:
        """The version that this process answers with for `channel`, None while it has none."""
        answer = await self._http.get(f"/v1/models/{MODEL}")
        answer.raise_for_status()
        found: Any = answer.json()["channels"].get(channel, {})
        version: int | None = found.get("version")
        return version

    async def teach(self, flights: Sequence[Flight]) -> None:
        """Tell of flights that nobody asked about, with their features; returns once that is on disk."""
        await self._feedback([{"features": flight.features} | _label(flight) for flight in flights])

    async def landed(self, flights: Sequence[Flight]) -> None:
        """Tell what became of flights: by the prediction's id alone, where they were asked about."""
        await self._feedback([self._named(flight) | _label(flight) for flight in flights])

    def _named(self, flight: Flight) -> dict[str, Any]:
        prediction_id = self._ids.pop(flight.flight_id, None)
        return {"features": flight.features} if prediction_id is None else {"id": prediction_id}

    async def _feedback(self, entries: Sequence[dict[str, Any]]) -> None:
        body = "\n".join(json.dumps(entry) for entry in entries).encode()
        answer = await self._post(f"/v1/models/{MODEL}:feedback", body, NDJSON)
        if answer["rejected"]:
            raise ValueError(f"feedback was rejected: {answer['rejected'][0]}")

    async def _predict(self, path: str, flights: Sequence[Flight], at: int) -> Any:
        asked = {"instances": [flight.features for flight in flights], "time": _time(at)}
        return await self._post(path, json.dumps(asked).encode(), JSON)

    async def metrics(self, url: str) -> str:
        """What a process says of itself, in the format of Prometheus."""
        answer = await self._http.get(url)
        answer.raise_for_status()
        return answer.text

    async def _post(self, path: str, body: bytes, headers: dict[str, str]) -> Any:
        answer = await self._http.post(path, content=body, headers=headers)
        answer.raise_for_status()
        return answer.json()


def _chance(prediction: Any) -> float:
    # Before the first late flight was learned there is no such class yet.
    return float(prediction["probabilities"].get("true", 0.5))


def _label(flight: Flight) -> dict[str, Any]:
    assert flight.landed_at is not None
    return {"label": flight.late, "time": _time(flight.landed_at)}


def _time(at: int) -> str:
    """A minute since 1970 as the API takes it: all that happens, happens in 2013."""
    return datetime.fromtimestamp(at * 60, UTC).isoformat()
