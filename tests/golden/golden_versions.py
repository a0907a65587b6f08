"""Versions as released forms of the wire left them, which must open for ever.

A released form never changes (docs/reference/wire-format.md). When a release brings a new one (another magic,
form of a body, kind of node or layout of a unit), its change adds what that form wrote, once:

```console
$ python -m tests.golden.golden_versions 2     # tests/golden/versions-2, with the program as it is
$ make lint test                               # tests/unit/codec/test_golden_versions.py opens all folders
```

and commits the folder with the change and its line in CHANGELOG.md. A folder that is there is never written
again, nor changed when a test fails on it: then the program is wrong. A new kind of node is added to
`tests.unit.codec.parts`, or a family to `FAMILIES`, before the folder is written.

Each file is one family: its spec, then three versions, a snapshot and two deltas, with both sides as they
travel, their roots, and what the version answered. State that only River's own code reads (kind 24) opens
with the release of River that wrote it and with no other, so families here have none of it.
"""

from __future__ import annotations

import base64
import json
import random
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from riverrun.codec.wire import encode_side
from riverrun.core.spec import parse_spec
from riverrun.learners.build import build_learner

FOLDER = Path(__file__).parent
EVENTS = (60, 1, 10)
PROBES = 8

Row = dict[str, Any]

_TORCH = "learner: torch, features: {a: category, b: float, c: float}"
_TABLE = "model: {factorization: {dim: 4, buckets: 1000}}"
FAMILIES = {
    "linear": "model: [preprocessing.StandardScaler, linear_model.LogisticRegression]",
    "wide-exact": "model: [linear_model.LogisticRegression]",
    "wide-bf16": "model: [linear_model.LogisticRegression], publish: {precision: bf16}",
    "wide-int8": "model: [linear_model.LogisticRegression], publish: {precision: int8}",
    "tree": "model: [{tree.HoeffdingTreeClassifier: {grace_period: 10, delta: 0.2}}]",
    "mondrian": "model: [{forest.AMFClassifier: {n_estimators: 1, seed: 1}}]",
    "bayes": "model: [naive_bayes.GaussianNB]",
    "perceptron": f"{_TORCH}, model: {{mlp: {{hidden: [4], buckets: 8, optimizer: Adam}}}}",
    "perceptron-int8": f"{_TORCH}, model: {{mlp: {{hidden: [4], buckets: 8}}}}, publish: {{precision: int8}}",
    "table": f"{_TORCH}, {_TABLE}",
    "table-bf16": f"{_TORCH}, {_TABLE}, publish: {{precision: bf16}}",
}
"""What each spec says beside its name and task."""


def spec_text(family: str) -> str:
    """The spec of a family, as a user writes it."""
    return f"{{name: golden, task: binary, metrics: [ROCAUC, LogLoss], {FAMILIES[family]}}}"


def rows(family: str) -> Iterator[Row]:
    """What a family learns; the same every time."""
    source = random.Random(26)
    while True:
        if family.startswith("wide"):
            yield {f"h{source.randrange(120)}": round(source.random(), 3) for _ in range(12)}
        elif "learner: torch" in FAMILIES[family]:
            yield {
                "a": f"a{source.randrange(40)}",
                "b": round(source.random(), 3),
                "c": round(source.random(), 3),
            }
        else:
            yield {name: round(source.random(), 3) for name in "abc"}


def written(family: str) -> dict[str, Any]:
    """A family's file."""
    learner = build_learner(parse_spec(spec_text(family)))
    stream = rows(family)
    probes = list(islice(stream, PROBES))
    versions = []
    for events in EVENTS:
        for row in islice(stream, events):
            label = sum(value for value in row.values() if isinstance(value, float)) % 1 > 0.5
            learner.score(row, label, learner.predict(row))
            learner.learn([row], [label], [1.0])
        delta = learner.changes()
        serving_root, trainer_root = learner.roots()
        versions.append(
            {
                "serving": base64.b64encode(encode_side(delta.serving)).decode(),
                "trainer": base64.b64encode(encode_side(delta.trainer)).decode(),
                "serving_root": serving_root.hex(),
                "trainer_root": trainer_root.hex(),
                "next_unit": delta.next_unit,
                "learner_answers": [answer(learner, row) for row in probes],
            }
        )
    return {"spec": spec_text(family), "rows": probes, "versions": versions}


def answer(model: Any, row: Row) -> float:
    """The probability of true."""
    return float(model.predict(row).probabilities[True])


def main() -> None:
    """Write the folder of the given number; refuse one that is there."""
    folder = FOLDER / f"versions-{int(sys.argv[1])}"
    if folder.exists():
        sys.exit(f"{folder.name} is released and never changes; give the next number")
    folder.mkdir()
    for family in FAMILIES:
        text = json.dumps(written(family), indent=1)
        (folder / f"{family}.json").write_text(text + "\n")
        print(f"{family}: {len(text)} bytes")


if __name__ == "__main__":
    main()
