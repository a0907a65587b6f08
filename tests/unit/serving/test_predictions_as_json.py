"""A batch of predictions is written as each of them would be by itself, whatever its classes are called."""

from __future__ import annotations

import msgspec
import pytest
from riverrun_serving.rest_edge.native_routes import prediction_json, predictions_json

from riverrun.core.predictions import Label, Prediction


@pytest.mark.parametrize(
    "classes",
    [(False, True), (0, 1), ("a", "b", "c"), ('with "quotes"', "é\\"), ("two\nlines", ""), (1.5, 2.5), ()],
)
def test_a_batch_is_written_as_its_predictions_are(classes: tuple[Label, ...]) -> None:
    value = classes[-1] if classes else None
    predictions = [
        Prediction(value, {one: row + number / 8 for number, one in enumerate(classes)}) for row in range(3)
    ]
    # A version that has seen fewer classes, or another order.
    predictions += [Prediction(value, dict.fromkeys(reversed(classes), 0.5)), Prediction(None, {})]

    written = msgspec.json.encode(predictions_json(predictions))

    assert written == msgspec.json.encode([prediction_json(one) for one in predictions])


def test_numbers_are_written_without_shares() -> None:
    predictions = [Prediction(1.5), Prediction(-2.0)]

    assert msgspec.json.encode(predictions_json(predictions)) == b'[{"prediction":1.5},{"prediction":-2.0}]'
