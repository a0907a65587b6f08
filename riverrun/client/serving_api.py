"""Predictions and feedback over REST."""

from __future__ import annotations

import datetime
import math
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import msgspec
import stamina

from riverrun.client.addresses import serving_url
from riverrun.client.answers import FeedbackAnswer, ManyAnswer, PredictAnswer, Rejected
from riverrun.client.http_errors import PEER, TryLater, not_reached, raise_for_status
from riverrun.client.retries import Patience, RetryBudget
from riverrun.client.secured_http import SecuredHttp
from riverrun.core.errors import InvalidInput, Unavailable
from riverrun.core.predictions import Features
from riverrun.rpc.credentials import Credentials

LOT_ENTRIES = 1_000
LOT_BYTES = 1 << 20
"""Feedback goes in lots of at most these many entries and about these many bytes."""

PREDICT_ATTEMPTS = 3
"""Times that a prediction is asked for where it is answered that the server is busy, or not at all."""

_NDJSON = {"content-type": "application/x-ndjson"}
_JSON = {"content-type": "application/json"}

A = TypeVar("A")


class ServingApi:
    """The REST routes of one serving process."""

    def __init__(
        self, given: str, data: Path, *, timeout_s: float, retry_s: float, credentials: Credentials
    ) -> None:
        self._given = given
        self._data = data
        self._timeout_s = timeout_s
        self._retry_s = retry_s
        self._credentials = credentials
        self._http: SecuredHttp | None = None
        self._budget = RetryBudget()

    async def close(self) -> None:
        """Close the connections; may be repeated."""
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def predict(self, model: str, features: Features, **options: Any) -> PredictAnswer:
        """See `AsyncClient.predict`."""
        body = _encode({"features": features} | _given(options), "")
        return await self._answered(f"/v1/models/{_segment(model)}:predict", body, PredictAnswer)

    async def predict_many(self, model: str, rows: Sequence[Features], **options: Any) -> ManyAnswer:
        """See `AsyncClient.predict_many`."""
        body = _encode({"instances": rows} | _given(options), "")
        return await self._answered(f"/v1/models/{_segment(model)}:predict", body, ManyAnswer)

    async def feedback_many(self, model: str, entries: Iterable[Mapping[str, Any]]) -> FeedbackAnswer:
        """See `AsyncClient.feedback_many`."""
        path = f"/v1/models/{_segment(model)}:feedback"
        accepted = duplicates = 0
        rejected: list[Rejected] = []
        for first, body in _lots(entries):
            answer = await self._until_durable(path, body)
            accepted += answer.accepted
            duplicates += answer.duplicates
            rejected += [Rejected(first + one.index, one.error) for one in answer.rejected]
        return FeedbackAnswer(accepted=accepted, duplicates=duplicates, rejected=rejected)

    async def _until_durable(self, path: str, body: bytes) -> FeedbackAnswer:
        try:
            async for attempt in stamina.retry_context(
                on=Patience(self._budget, within_s=self._retry_s), attempts=None, timeout=self._retry_s
            ):
                with attempt:
                    return await self._post(path, body, _NDJSON, FeedbackAnswer)
        except TryLater as last:
            raise last.error from last
        raise Unavailable(PEER, "no attempt was made")

    async def _answered(self, path: str, body: bytes, answer: type[A]) -> A:
        try:
            async for attempt in stamina.retry_context(
                on=Patience(self._budget), attempts=PREDICT_ATTEMPTS, timeout=self._timeout_s
            ):
                with attempt:
                    return await self._post(path, body, _JSON, answer)
        except TryLater as busy:
            raise busy.error from busy
        raise Unavailable(PEER, "no attempt was made")

    async def _post(self, path: str, body: bytes, headers: Mapping[str, str], answer: type[A]) -> A:
        if self._http is None:
            url = serving_url(self._given, self._data, tls=self._credentials.uses_tls)
            self._http = SecuredHttp(url, self._credentials, timeout_s=self._timeout_s)
        try:
            response = await self._http.post(path, body, headers)
        except httpx2.HTTPError as error:
            raise not_reached(error, self._http.url) from error
        raise_for_status(response)
        try:
            return msgspec.json.decode(response.content, type=answer)
        except msgspec.DecodeError as error:
            raise Unavailable(PEER, f"{self._http.url} answers something else than riverrun") from error


def _lots(entries: Iterable[Mapping[str, Any]]) -> Iterator[tuple[int, bytes]]:
    """The entries as NDJSON bodies, each with the index of its first entry."""
    lines: list[bytes] = []
    size = first = 0
    for index, entry in enumerate(entries):
        line = _encode(_with_event_id(entry), f"{index}.")
        if lines and (len(lines) == LOT_ENTRIES or size + len(line) > LOT_BYTES):
            yield first, b"\n".join(lines)
            lines, size, first = [], 0, index
        lines.append(line)
        size += len(line) + 1
    if lines:
        yield first, b"\n".join(lines)


def _with_event_id(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    # An entry without any id is always new to the log (DECISIONS 20), so a retry would count twice.
    if entry.get("id") is None and entry.get("event_id") is None:
        return {**entry, "event_id": uuid.uuid4().hex}
    return entry


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value is not None}


def _segment(model: str) -> str:
    if not model or not all(c.isalnum() or c == "-" for c in model):
        raise InvalidInput("model", f"expected a model's name, got {str(model)[:64]!r}")
    return model


def _encode(value: Mapping[str, Any], path: str) -> bytes:
    _refuse_non_finite(value, path)
    try:
        return msgspec.json.encode(value, enc_hook=_plain)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(path.rstrip("."), f"cannot be written as JSON: {error}") from error


def _refuse_non_finite(value: Any, path: str) -> None:
    # msgspec writes NaN as null, which would turn a wrong number into a missing one.
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidInput(path, f"expected a finite number, got {value}")
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            _refuse_non_finite(inner, f"{path.rstrip('.')}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            _refuse_non_finite(inner, f"{path}.{index}")


def _plain(value: Any) -> Any:
    """numpy's scalars as Python's; times are encoded by msgspec itself, as RFC 3339."""
    item = getattr(value, "item", None)
    if callable(item):
        return item()
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON")
