"""The model over REST, as any application would use it."""

from __future__ import annotations

import json
from collections.abc import Sequence
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

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def predict(self, flights: Sequence[Flight]) -> tuple[list[float], int]:
        """The chance of each flight to be late, by the newest weights, and the version that answered."""
        body = json.dumps({"instances": [flight.features for flight in flights]}).encode()
        answer = await self._post(f"/v1/models/{MODEL}:predict", body, JSON)
        return [_chance(one) for one in answer["predictions"]], answer["model_version"]

    async def predict_by(self, channel: str, flights: Sequence[Flight]) -> list[float]:
        """The same by the version that `channel` is held at, through the Open Inference Protocol."""
        inputs = [
            {
                "name": name,
                "datatype": "FP64" if isinstance(value, float) else "BYTES",
                "shape": [len(flights)],
                "data": [flight.features[name] for flight in flights],
            }
            for name, value in flights[0].features.items()
        ]
        body = json.dumps({"inputs": inputs}).encode()
        answer = await self._post(f"/v2/models/{MODEL}/versions/{channel}/infer", body, JSON)
        output = next(one for one in answer["outputs"] if one["name"] == "probabilities")
        late = _classes(output).index(True)
        width = output["shape"][1]
        return [float(chance) for chance in output["data"][late::width]]

    async def channel_version(self, channel: str) -> int | None:
        """The version that this process answers with for `channel`, None while it has none."""
        answer = await self._http.get(f"/v1/models/{MODEL}")
        answer.raise_for_status()
        found: Any = answer.json()["channels"].get(channel, {})
        version: int | None = found.get("version")
        return version

    async def feedback(self, flights: Sequence[Flight]) -> None:
        """Tell what became of flights that have landed; returns once that is on disk."""
        lines = [
            json.dumps({"id": flight.flight_id, "features": flight.features, "label": flight.late})
            for flight in flights
        ]
        answer = await self._post(f"/v1/models/{MODEL}:feedback", "\n".join(lines).encode(), NDJSON)
        if answer["rejected"]:
            raise ValueError(f"feedback was rejected: {answer['rejected'][0]}")

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


def _classes(output: Any) -> list[Any]:
    # A parameter of the protocol is one plain value, so the list of classes comes as JSON.
    classes: list[Any] = json.loads(output["parameters"]["classes"])
    return classes
