"""A spec that asks for rounding: readers get rounded weights in fewer bytes, the trainer keeps exact ones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice

import pytest

from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.codec.live_graph import LiveGraph
from riverrun.codec.wire import encode_side
from riverrun.core.digest import HashTree
from riverrun.core.spec import ModelSpec, parse_spec
from riverrun.core.units import EMPTY, State
from riverrun.learners.build import adopt_model, build_learner, build_predictor, live_model, restore_learner
from riverrun.learners.factories import NO_FACTORIES
from riverrun.learners.protocol import Learner
from riverrun.learners.river_model import allow_list_of
from riverrun.learners.rounding_learner import exact_state

FEATURES = 600
BOUND = {"bf16": 1 / 256, "int8": 1 / 250}

Example = tuple[dict[str, float], bool]


def spec_of(precision: str) -> ModelSpec:
    return parse_spec(
        "{name: m, task: binary, model: [linear_model.LogisticRegression], metrics: [LogLoss], "
        f"publish: {{precision: {precision}}}}}"
    )


def stream() -> Iterator[Example]:
    """A few of many features each time; ever more of them."""
    source = random.Random(11)
    for i in range(FEATURES):
        yield {f"h{source.randrange(100 + i)}": source.random() for _ in range(12)}, source.random() < 0.5


def learn(learner: Learner, examples: Iterator[Example], count: int) -> None:
    for row, label in islice(examples, count):
        learner.score(row, label, learner.predict(row))
        learner.learn([row], [label], [1.0])


def weights(model: object) -> dict[str, float]:
    return dict(model.weights.items())  # type: ignore[attr-defined]


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_readers_follow_rounded_weights_and_the_trainer_goes_on_from_exact_ones(precision: str) -> None:
    rounding, exact = build_learner(spec_of(precision)), build_learner(spec_of("exact"))
    first, second = stream(), stream()
    learn(rounding, first, 100)
    learn(exact, second, 100)
    held, plain = EMPTY.apply(rounding.changes()), EMPTY.apply(exact.changes())
    predictor = build_predictor(spec_of(precision), held.serving, rounding.roots()[0])

    for _ in range(8):
        learn(rounding, first, 20)
        learn(exact, second, 20)
        delta = rounding.changes()
        held, plain = held.apply(delta), plain.apply(exact.changes())
        assert held == rounding.state()
        assert (HashTree(held.serving).root, HashTree(held.trainer).root) == rounding.roots()
        assert exact_state(held) == plain
        predictor = predictor.updated(delta.serving, rounding.roots()[0])
        row = {f"h{i}": 0.1 for i in range(0, 200, 7)}
        told, meant = predictor.predict(row), rounding.predict(row)
        assert told.probabilities is not None
        assert meant.probabilities is not None
        assert told.probabilities[True] == pytest.approx(meant.probabilities[True], abs=1e-3)

    restored = restore_learner(spec_of(precision), held)
    assert restored.roots() == rounding.roots()
    learn(restored, first, 50)
    learn(exact, second, 50)
    restored.changes()
    exact.changes()
    assert exact_state(restored.state()) == exact.state()


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_each_weight_is_off_by_no_more_than_is_stated(precision: str) -> None:
    spec = spec_of(precision)
    learner = build_learner(spec)
    learn(learner, stream(), 400)
    learner.changes()
    state = learner.state()
    exact = weights(live_model(spec, state, learner.roots()))
    served = GraphDecoder(allow_list_of(spec, NO_FACTORIES)).decode(State(state.serving))
    told = weights(served.model)

    assert told.keys() == exact.keys()
    assert told != exact
    largest = max(map(abs, exact.values()))
    for key, weight in exact.items():
        assert abs(told[key] - weight) <= BOUND[precision] * (abs(weight) if precision == "bf16" else largest)


def test_rounding_sends_readers_fewer_bytes() -> None:
    sent = {}
    for precision in ("exact", "bf16", "int8"):
        learner = build_learner(spec_of(precision))
        learn(learner, stream(), 400)
        sent[precision] = len(encode_side(learner.changes().serving))

    assert sent["bf16"] < 0.5 * sent["exact"]
    assert sent["int8"] < sent["bf16"]


def test_what_changed_by_less_than_rounding_shows_is_not_sent() -> None:
    learner = build_learner(spec_of("int8"))
    learn(learner, stream(), 400)
    learner.changes()
    # An example that the model is nearly sure of moves its weights by very little.
    row = {f"h{i}": 1e-9 for i in range(0, 200, 3)}
    learner.learn([row], [True], [1.0])

    delta = learner.changes()

    assert delta.trainer.changed
    assert len(delta.serving.changed) < len(delta.trainer.changed)


@pytest.mark.parametrize("before", ["exact", "bf16", "int8"])
@pytest.mark.parametrize("after", ["exact", "bf16", "int8"])
def test_another_precision_is_told_whole_with_the_next_change(before: str, after: str) -> None:
    learner = build_learner(spec_of(before))
    learn(learner, stream(), 300)
    learner.changes()

    changed = restore_learner(spec_of(after), learner.state())
    assert changed.roots() == learner.roots()
    delta = changed.changes()

    asked = build_learner(spec_of(after))
    learn(asked, stream(), 300)
    asked.changes()
    assert bool(delta) == (before != after)
    assert learner.state().apply(delta) == asked.state() == changed.state()


def test_a_model_of_users_own_and_one_handed_out_are_exact() -> None:
    spec = spec_of("bf16")
    learner = build_learner(spec)
    learn(learner, stream(), 300)
    learner.changes()

    model = live_model(spec, learner.state(), learner.roots())
    adopted = adopt_model(spec, model)

    learn(adopted, stream(), 5)
    learn(learner, stream(), 5)
    learner.changes()
    adopted.changes()
    row = {f"h{i}": 0.1 for i in range(100)}
    assert adopted.predict(row) == learner.predict(row)


def test_readers_set_rounded_rows_in_the_table_that_they_hold() -> None:
    spec = spec_of("bf16")
    learner = build_learner(spec)
    examples = stream()
    learn(learner, examples, 500)
    learner.changes()
    decoder = GraphDecoder(allow_list_of(spec, NO_FACTORIES))
    graphs = [LiveGraph(decoder, learner.state().serving, learner.roots()[0])]
    tables = []

    for _ in range(4):
        # Of features that are known, so that no row comes or goes.
        learner.learn([{f"h{i}": 0.5 for i in range(0, 90, 7)}], [True], [1.0])
        learner.learn([{f"h{i}": 0.5 for i in range(0, 90, 5)}], [False], [1.0])
        graphs = [graphs[-1].updated(learner.changes().serving, learner.roots()[0])]
        tables.append(graphs[0].root.model._weights)

    assert tables[3] is tables[1]
    assert tables[3] is not tables[2]
    assert dict(tables[3].items()) == weights(decoder.decode(State(learner.state().serving)).model)


def test_small_models_and_what_is_counted_are_not_rounded() -> None:
    learner = build_learner(
        parse_spec(
            "{name: m, task: binary, model: [preprocessing.StandardScaler, linear_model.LogisticRegression], "
            "publish: {precision: bf16}}"
        )
    )
    source = random.Random(2)
    for _ in range(50):
        # 60 features: the weights of so few are not kept in rows.
        row = {f"f{i}": source.gauss(1e9, 1.0) for i in range(60)}
        learner.learn([row], [source.random() < 0.5], [1.0])

    learner.changes()

    assert learner.state().serving.keys().isdisjoint(learner.state().trainer)
