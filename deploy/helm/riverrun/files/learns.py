"""`helm test`: labels change what serving answers, shown in a model of its own that is deleted in the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TypeVar

from riverrun.client import Client
from riverrun.core.errors import RiverrunError

MODEL = "helm-test"
SPEC = f"""\
name: {MODEL}
task: binary
model:
  - preprocessing.StandardScaler
  - linear_model.LogisticRegression: {{optimizer: {{optim.SGD: {{lr: 0.5}}}}}}
features: {{x: float}}
publish: {{every_events: 10, every: 100ms}}
"""
ROW = {"x": 1.0}
LABELS = 50
WITHIN_S = 50.0

T = TypeVar("T")


def eventually(what: str, check: Callable[[], T | None], deadline: float) -> T:
    """The first answer of `check` that is not None; ends the test when there is none in time."""
    last = "no answer"
    while time.monotonic() < deadline:
        try:
            found = check()
        except RiverrunError as error:
            last = str(error)
        else:
            if found is not None:
                return found
        time.sleep(0.1)
    sys.exit(f"not within {WITHIN_S:g} s: {what} ({last})")


def main() -> None:
    """Predict, send labels that say otherwise, and wait until a newer version answers otherwise."""
    begun = time.monotonic()
    deadline = begun + WITHIN_S
    with Client() as client:
        eventually("the model is registered", lambda: client.apply(SPEC), deadline)
        before = eventually("a first prediction", lambda: client.predict(MODEL, ROW), deadline)
        print(f"version {before.model_version} answers {before.probabilities}")

        label = not before.prediction
        row = {"features": ROW, "label": label}
        other = {"features": {"x": -1.0}, "label": not label}
        sent = client.feedback_many(MODEL, [row, other] * (LABELS // 2))
        print(f"{sent.accepted} labels are durable")

        def changed() -> object:
            answer = client.predict(MODEL, ROW)
            newer = answer.model_version > before.model_version
            return answer if newer and answer.prediction == label else None

        after = eventually("a newer version answers otherwise", changed, deadline)
        print(f"version {after.model_version} answers {after.probabilities}")
        client.delete(MODEL)
    print(f"learned in {time.monotonic() - begun:.1f} s")


if __name__ == "__main__":
    main()
