"""The native hot routes: ``POST /v1/models/{model}[/versions/{version}]:predict`` and ``:feedback``."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from riverrun.core.errors import InvalidInput, RiverrunError
from riverrun.core.predictions import Label, Prediction
from riverrun.runtime import metrics, tracing
from riverrun.runtime.clock import Clock
from riverrun_serving.core.arms import Exposure
from riverrun_serving.core.deadline import Deadline
from riverrun_serving.core.feedback import NO_WINDOW, AppendFeedback, parse_time, take_feedback, take_one
from riverrun_serving.core.model_slot import ModelSlot
from riverrun_serving.core.predicting import Answer, answer_many, answer_one
from riverrun_serving.core.prediction_log import PredictionLog
from riverrun_serving.core.request_meter import RequestMeter
from riverrun_serving.core.served_models import ServedModel, ServedModels
from riverrun_serving.rest_edge.exchange import Reply
from riverrun_serving.rest_edge.json_body import decode, explained


class PredictBody(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``:predict``: exactly one of `features` and `instances`. `key` chooses the arm of an
    experiment; without a key the request takes no part in one. `time` is when it happened, RFC 3339, now by
    default. With `durable` the answer comes once the prediction is on disk."""

    features: Any = msgspec.UNSET
    instances: Any = msgspec.UNSET
    id: Any = None
    key: str | None = None
    time: Any = None
    durable: bool = False


MAX_AHEAD_NS = 300 * 10**9
"""What the log itself allows: it refuses a prediction when its answer is out already."""

predict_decoder = msgspec.json.Decoder(PredictBody)
_any_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()


class NativeRoutes:
    """Decode, call, encode."""

    def __init__(
        self, models: ServedModels, append: AppendFeedback, predictions: PredictionLog, clock: Clock
    ) -> None:
        self._models = models
        self._append = append
        self._predictions = predictions
        self._clock = clock
        self._meter = RequestMeter("rest")
        self._accepted = metrics.FEEDBACK.labels("accepted")
        self._duplicate = metrics.FEEDBACK.labels("duplicate")
        self._rejected = metrics.FEEDBACK.labels("rejected")

    async def predict(self, model: str, channel_or_version: str, body: bytes, deadline: Deadline) -> Reply:
        """Answer for one row or many, if it is not too late; by `live` for the empty text."""
        begun = time.perf_counter()
        asked = decode(predict_decoder, body)
        served = self._models.model(model)
        slot, exposure = served.choose(channel_or_version, asked.key)
        try:
            deadline.check_begin()
            answer, content = await self._answer(slot, exposure, asked, deadline)
            share = served.spec.logged_share
            if share or asked.durable or asked.time is not None:
                await self._log(served, answer, content.get("ids") or [answer.id], share, asked)
        except RiverrunError:
            self._meter.failed(slot, begun)
            raise
        self._meter.answered(slot, len(answer.predictions), begun)
        return Reply(_encoder.encode(content))

    async def _answer(
        self, slot: ModelSlot, exposure: Exposure | None, asked: PredictBody, deadline: Deadline
    ) -> tuple[Answer, dict[str, Any]]:
        now = self._clock.monotonic()
        if asked.instances is msgspec.UNSET:
            if asked.features is msgspec.UNSET:
                raise InvalidInput("features", "is required (or instances, a list of them)")
            answer = answer_one(slot, asked.features, asked.id, now, exposure)
            return answer, one_json(answer)
        if asked.features is not msgspec.UNSET:
            raise InvalidInput("instances", "expected either features or instances, not both")
        answer = await answer_many(slot, asked.instances, asked.id, now, deadline=deadline, exposure=exposure)
        predictions = predictions_json(answer.predictions)
        return answer, (
            {"id": answer.id, "ids": answer.ids, "predictions": predictions} | version_json(answer)
        )

    async def _log(
        self, model: ServedModel, answer: Answer, ids: Sequence[str], share: float, asked: PredictBody
    ) -> None:
        time_ns = None if asked.time is None else parse_time("time", asked.time)
        if time_ns is not None and time_ns > self._clock.wall_ns() + MAX_AHEAD_NS:
            raise InvalidInput("time", "more than 5 minutes ahead of the clock here")
        if not asked.durable:
            self._predictions.note(model.name, answer, ids, share, time_ns)
        elif model.spec.joins:
            await self._predictions.keep(model.name, answer, ids, time_ns)
        else:
            raise InvalidInput("durable", NO_WINDOW)

    async def feedback(self, model: str, body: bytes, content_type: bytes) -> Reply:
        """Take labelled examples; answered once they are durable.

        One entry that is wrong is refused as a whole (422); of a list or of lines each is judged.
        """
        served = self._models.model(model)
        entries = _entries(body, content_type)
        if isinstance(entries, list):
            taken = await take_feedback(served, entries, self._append)
        else:
            taken = await take_one(served, entries, self._append)
        self._accepted.inc(taken.accepted - taken.duplicates)
        self._duplicate.inc(taken.duplicates)
        self._rejected.inc(len(taken.rejected))
        tracing.describe({tracing.MODEL: served.name, tracing.ROWS: taken.accepted})
        rejected = [{"index": one.index, "error": one.error} for one in taken.rejected]
        content = {"accepted": taken.accepted, "duplicates": taken.duplicates, "rejected": rejected}
        return Reply(_encoder.encode(content), 202)


def one_json(answer: Answer) -> dict[str, Any]:
    """The answer for one row."""
    return {"id": answer.id} | prediction_json(answer.predictions[0]) | version_json(answer)


def prediction_json(prediction: Prediction) -> dict[str, Any]:
    """One prediction; classes keep their type in `prediction` and are strings as keys."""
    if prediction.probabilities is None:
        return {"prediction": prediction.value}
    shares = {class_name(label): share for label, share in prediction.probabilities.items()}
    return {"prediction": prediction.value, "probabilities": shares}


class _Classified(msgspec.Struct, gc=False):
    # As a dict of both would be written: making one costs twice as much, and a batch makes thousands.
    prediction: Label | None
    probabilities: Any


def predictions_json(predictions: Sequence[Prediction]) -> Sequence[Any]:
    """What is written as `prediction_json` of each; classes that they share in their order are named once."""
    first = predictions[0].probabilities
    if first is None:
        return [{"prediction": prediction.value} for prediction in predictions]
    classes = tuple(first)
    shares = _shares_of(tuple(map(class_name, classes)))
    return [
        _Classified(one.value, shares(*one.probabilities.values()))
        if one.probabilities is not None and tuple(one.probabilities) == classes
        else prediction_json(one)
        for one in predictions
    ]


@functools.lru_cache(maxsize=64)
def _shares_of(names: tuple[str, ...]) -> Callable[..., Any]:
    """Makes what is written as an object of the shares of these classes, given in their order."""
    fields = [f"share_{number}" for number in range(len(names))]
    try:
        return msgspec.defstruct("Shares", fields, rename=dict(zip(fields, names, strict=True)), gc=False)
    except ValueError:
        # Quotes in a class, for example, may be in the key of a dict and not in a field's name.
        return lambda *shares: dict(zip(names, shares, strict=True))


def class_name(label: Label) -> str:
    """A class as a key of JSON: as the class itself would be written, without quotes."""
    if isinstance(label, str):
        return label
    if isinstance(label, bool):
        return "true" if label else "false"
    return str(label)


def version_json(answer: Answer) -> dict[str, Any]:
    """Which weights gave an answer, how sure it is that they are the newest, and as which arm."""
    content: dict[str, Any] = {
        "model_version": answer.loaded.version,
        "channel": answer.channel,
        "age_seconds": round(answer.age_s, 3),
    }
    if answer.exposure is not None:
        content["arm"] = answer.exposure.arm
    return content


def _entries(body: bytes, content_type: bytes) -> Any:
    """The entry or entries that `body` holds: one object, a list, or one object per line."""
    if b"ndjson" not in content_type and b"jsonl" not in content_type:
        try:
            return _any_decoder.decode(body)
        except RecursionError:
            raise InvalidInput("body", "is nested too deeply") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            # Lines without their content type, as `curl --data-binary @file` sends them.
            if "trailing characters" not in str(error):
                raise explained(error, body) from None
    return _lines(body)


def _lines(body: bytes) -> Sequence[Any]:
    try:
        return _any_decoder.decode_lines(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        entries: list[Any] = []
        for line in body.splitlines():
            if line.strip():
                try:
                    entries.append(decode(_any_decoder, line))
                except InvalidInput as error:
                    entries.append(error)
        return entries
