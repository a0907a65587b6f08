"""Changed bytes for the decoders of events and of manifests, as targets of `fuzz_runs`."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from riverrun.api.params.v1 import params_pb2 as pb
from riverrun.core.events import Arrivals, LoggedEvent, OffsetRange, Stream
from riverrun.core.examples_json import decode_example
from riverrun.core.joining_json import decode_label, decode_prediction
from riverrun.core.spec import parse_spec
from riverrun.core.versions import Manifest
from riverrun.rpc.converters import manifest_from_pb, manifest_to_pb
from tests.unit.codec.fuzz_mutations import changed, other_value
from tests.unit.codec.fuzz_runs import Target

SPEC = parse_spec("""
name: clicks
task: multiclass
model: [{multiclass.OneVsRestClassifier: {classifier: linear_model.LogisticRegression}}]
features:
  {age: {type: int, min: 0, required: true}, amount: float, member: bool, country: category, note: text}
""")
FEATURES = {"age": 31, "amount": 1.5, "member": True, "country": "nl", "note": 'é\n"x"'}
EXAMPLE = {"features": FEATURES, "label": "a", "weight": 2.0, "prediction_id": "p-1"}
LABEL = {"id": "p-1", "label": "a", "weight": 0.5}
PREDICTION = {
    "features": FEATURES,
    "version": 7,
    "channel": "live",
    "prediction": "a",
    "probabilities": [["a", 0.75], ["b", 0.25]],
    "arm": "live",
    "key_place": 12,
}
MANIFEST = Manifest(
    model="clicks", version=8, line=2, parent=7, epoch=3, digest=bytes(32), serving_root=bytes(32),
    trainer_root=bytes(32), spec_digest=bytes(32), created_ns=1_795_000_000 * 10**9, next_unit=40,
    positions={Stream.EXAMPLES: {0: 12}, Stream.LABELS: {0: 3, 1: 1 << 40}}, watermark_ns=1 << 60,
    examples=90,    metrics={"ROCAUC": 0.5, "LogLoss": float("nan")}, arrivals=Arrivals(1, 1 << 61),
    skipped=(OffsetRange(Stream.EXAMPLES, 0, 3, 9),), push_id="push-8", delta_bytes=1 << 20,
)  # fmt: skip


def _body(source: random.Random, document: dict[str, Any]) -> bytes:
    """`document` with something in it wrong: a value, a key, or some of its bytes."""
    whole = json.dumps(document).encode()
    if source.random() < 0.5:
        return changed(source, whole, [whole])
    return json.dumps(other_value(source, document)).encode()


def _example(source: random.Random) -> tuple[int, Callable[[], object]]:
    body = _body(source, EXAMPLE)
    return len(body), lambda: decode_example(body, SPEC)


def _label(source: random.Random) -> tuple[int, Callable[[], object]]:
    event = LoggedEvent(1, "e", 2, 3, _body(source, LABEL))
    return len(event.body), lambda: decode_label(event, SPEC)


def _prediction(source: random.Random) -> tuple[int, Callable[[], object]]:
    event = LoggedEvent(1, "e", 2, 3, _body(source, PREDICTION))
    return len(event.body), lambda: decode_prediction(event)


def _manifest(source: random.Random) -> tuple[int, Callable[[], object]]:
    whole = manifest_to_pb(MANIFEST).SerializeToString(deterministic=True)
    body = changed(source, whole, [whole])
    return len(body), lambda: manifest_from_pb(pb.Manifest.FromString(body))


EVENTS: tuple[Target, ...] = (_example, _label, _prediction)
MANIFESTS: tuple[Target, ...] = (_manifest,)
