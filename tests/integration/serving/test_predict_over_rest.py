"""Predictions over the native REST routes, answered by real weights from a real parameter server."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
async def fraud(stack: Any, specs: dict[str, str]) -> tuple[Any, Any]:
    """A serving process that answers with version 2 of `fraud`, and the model's trainer."""
    trainer = await stack.trainer(specs["fraud"])
    await trainer.push()
    served = await stack.serving()
    await served.reaches("fraud", 1)
    rows = [({"amount": float(i), "hour": float(i % 24)}, i % 3 == 0) for i in range(40)]
    await trainer.push(rows)
    await served.reaches("fraud", 2)
    return served, trainer


async def test_an_answer_is_exactly_what_the_learner_says(fraud: tuple[Any, Any]) -> None:
    served, trainer = fraud
    row = {"amount": 12.5, "hour": 7.0}

    answer = await served.predict("fraud", row, id="request-1")

    expected = trainer.predict(row)
    assert answer["id"] == "request-1"
    assert answer["prediction"] is expected.value
    assert answer["probabilities"] == {str(k).lower(): v for k, v in expected.probabilities.items()}
    assert answer["model_version"] == 2
    assert answer["channel"] == "live"
    assert 0 <= answer["age_seconds"] < 60
