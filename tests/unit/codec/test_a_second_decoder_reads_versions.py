"""Real versions, read by a decoder that was written from the wire format's page alone.

The page is precise enough when that decoder finds what ours finds. It does not rebuild objects, so how
they are rebuilt is in the other files.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from river._river_rust.vectordict import VectorDict

from riverrun.codec.allow_list import qualified_name
from riverrun.codec.dictionary import path_of
from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.codec.wire import encode_side
from riverrun.core.spec import ModelSpec, parse_spec
from riverrun.core.units import State
from riverrun.learners.build import build_learner
from riverrun.learners.factories import NO_FACTORIES
from riverrun.learners.protocol import Learner
from riverrun.learners.river_model import allow_list_of
from riverrun.learners.rounding_learner import exact_state
from tests.unit.codec import families, second_decoder
from tests.unit.codec.second_decoder import Graph, Thing, Units, read_side, read_tensors, root_of

DICTIONARY = path_of(1)
RIVER = {
    "logistic regression": (
        "[preprocessing.StandardScaler, linear_model.LogisticRegression]",
        families.many_features,
    ),
    "tree": ("[{tree.HoeffdingTreeClassifier: {grace_period: 20}}]", families.labelled),
    "forest": ("[{forest.ARFClassifier: {n_models: 3, seed: 1, grace_period: 20}}]", families.labelled),
}


def spec_of(learner: str, model: str, precision: str) -> ModelSpec:
    features = "{f0: float, f1: float, f2: float, f3: float, f4: float, f5: float}"
    return parse_spec(
        f"{{name: m, task: binary, learner: {learner}, model: {model}, metrics: [ROCAUC, LogLoss], "
        f"publish: {{precision: {precision}}}, features: {features if learner == 'torch' else 'null'}}}"
    )


def learn(learner: Learner, examples: Iterator[families.Example], count: int) -> None:
    for row, label in islice(examples, count):
        learner.score(row, bool(label), learner.predict(row))
        learner.learn([row], [bool(label)], [1.0])


def published(learner: Learner) -> tuple[bytes, bytes]:
    """The next version as it travels, both sides."""
    delta = learner.changes()
    return encode_side(delta.serving), encode_side(delta.trainer)


def taken(units: Units, data: bytes) -> Units:
    """What `units` become with a side delta, by the page."""
    changed, dropped = read_side(data, DICTIONARY)
    return {**{n: unit for n, unit in units.items() if n not in dropped}, **changed}


def versions(learner: Learner, examples: Iterator[families.Example]) -> Iterator[tuple[Units, Units]]:
    """A snapshot and two deltas as the second decoder holds them, their roots checked."""
    serving: Units = {}
    trainer: Units = {}
    for events in (400, 1, 50):
        learn(learner, examples, events)
        sides = published(learner)
        serving, trainer = taken(serving, sides[0]), taken(trainer, sides[1])
        assert (root_of(serving), root_of(trainer)) == learner.roots()
        yield serving, trainer


def same(theirs: Any, ours: Any) -> None:
    """Fail unless what they found is what we rebuilt, down to the last bit and the last shared reference."""
    seen: dict[int, int] = {}
    stack = [(theirs, ours)]
    while stack:
        a, b = stack.pop()
        if isinstance(a, Thing) and isinstance(b, object) and a.kind in (0, 11):
            if id(b) in seen:
                assert seen[id(b)] == id(a)
                continue
            seen[id(b)] = id(a)
            assert a.name == qualified_name(type(b))
            stack += [(value, getattr_static(b, name)) for name, value in a.attributes.items()]
            if a.kind == 11 and isinstance(b, dict):
                stack.append((a.content, dict(b)))
        elif isinstance(a, Thing) and a.kind == 25:
            assert isinstance(b, VectorDict)
            stack.append((a.content[0], dict(b.__reduce__()[1][0])))
        elif isinstance(a, Thing):
            assert a.name in ("", qualified_name(type(b)), qualified_name(b) if callable(b) else "")
            if isinstance(b, enum.Enum):
                assert a.content == [b.name]
        elif isinstance(b, dict):
            assert [repr(key) for key, _ in a] == [repr(key) for key in b]
            stack += zip((value for _, value in a), b.values(), strict=True)
        elif isinstance(b, (list, tuple, deque)):
            stack += zip(a, b, strict=True)
        elif isinstance(b, (set, frozenset)):
            assert sorted(map(repr, a)) == sorted(map(repr, b))
        elif isinstance(b, np.ndarray):
            assert a.dtype == b.dtype
            assert a.tobytes() == b.tobytes()
        else:
            assert type(a) is type(b)
            assert repr(a) == repr(b)


def getattr_static(instance: Any, name: str) -> Any:
    """The attribute itself, whatever properties the class puts over it."""
    held = getattr(instance, "__dict__", {})
    if name in held:
        return held[name]
    return next(vars(cls)[name] for cls in type(instance).__mro__ if name in vars(cls)).__get__(instance)


@pytest.mark.parametrize(
    ("name", "precision"), [*((name, "exact") for name in RIVER), ("logistic regression", "bf16")]
)
def test_it_reads_what_we_read_of_a_river_model(name: str, precision: str) -> None:
    model, stream = RIVER[name]
    spec = spec_of("river", model, precision)

    for serving, trainer in versions(build_learner(spec), stream(1000)):
        ours = GraphDecoder(allow_list_of(spec, NO_FACTORIES))
        same(Graph(serving, trainer).root, ours.decode(exact_state(State(serving, trainer))))
        same(Graph(serving, None).root, ours.decode(State(serving)))


@pytest.mark.parametrize("precision", ["exact", "bf16", "int8"])
def test_it_reads_what_we_read_of_a_torch_model(precision: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is an extra")
    from riverrun.learners.tensor_units import Spans, read

    learner = build_learner(spec_of("torch", "{mlp: {hidden: [40, 60], optimizer: Adam}}", precision))

    for serving, trainer in versions(learner, families.numeric(1000)):
        theirs, ours = read_tensors(serving), read(Spans(serving), serving, ())
        assert theirs.keys() == ours.keys()
        for tensor in ours:
            assert torch.equal(torch.from_numpy(theirs[tensor]), ours[tensor])
        metrics = Graph({n // 2: unit for n, unit in trainer.items() if n % 2}, {}).root
        assert metrics.name == "riverrun.evaluation.prequential.Prequential"


def test_it_was_written_in_under_150_lines_and_of_nothing_of_ours() -> None:
    text = Path(second_decoder.__file__).read_text()

    assert len(text.splitlines()) < 150
    assert "import riverrun" not in text
    assert "from riverrun" not in text
