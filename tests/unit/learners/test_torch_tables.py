"""Embedding tables of torch models: only touched rows are told, and they lead every reader to the same bits.

How tensors are written is in test_tensor_units.py; what the declared models compute in test_torch_models.py.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is an extra")

from riverrun.codec.wire import encode_side  # noqa: E402
from riverrun.core.digest import HashTree  # noqa: E402
from riverrun.core.errors import DigestMismatch, InvalidInput  # noqa: E402
from riverrun.core.spec import ModelSpec, parse_spec  # noqa: E402
from riverrun.core.units import EMPTY, SideDelta, State  # noqa: E402
from riverrun.learners.build import adopt_model, build_learner, build_predictor, restore_learner  # noqa: E402
from riverrun.learners.embedding_table import EmbeddingTable, tables_of  # noqa: E402
from riverrun.learners.protocol import Learner  # noqa: E402
from riverrun.learners.tensor_units import Spans  # noqa: E402
from riverrun.learners.torch_learner import TorchLearner  # noqa: E402
from riverrun.learners.torch_predictor import TorchPredictor  # noqa: E402

FEATURES = "features: {a: float, user: category, item: category, words: text}"
ROWS = 5003
WORDS = ["to", "be", "or", "not", "that", "is", "the", "question"]
MODELS = {
    "factorization, SGD": f"factorization: {{dim: 7, buckets: {ROWS}, optimizer: {{SGD: {{lr: 0.1}}}}}}",
    "factorization, Adagrad": f"factorization: {{dim: 3, buckets: {ROWS}}}",
    "factorization, SparseAdam": f"factorization: {{dim: 16, buckets: {ROWS}, optimizer: SparseAdam}}",
    "two towers": "two_tower: {user: {features: [user, a], buckets: 600, hidden: [5]}, "
    "item: {features: [item, words], buckets: 900}, dim: 6}",
    "mlp, SGD": "mlp: {hidden: [9], buckets: 700}",
    "mlp, SparseAdam": "mlp: {hidden: [9], buckets: 700, optimizer: SparseAdam, batch: 3}",
    "mlp, Adam": "mlp: {hidden: [9], buckets: 700, optimizer: Adam}",
    "mlp, momentum": "mlp: {hidden: [9], buckets: 700, optimizer: {SGD: {momentum: 0.9}}}",
}


def spec_of(model: str, metrics: str = "[LogLoss, ROCAUC]") -> ModelSpec:
    return parse_spec(
        f"{{name: t, task: binary, learner: torch, {FEATURES}, model: {{{model}}}, metrics: {metrics}}}"
    )


@pytest.fixture(params=MODELS, ids=list(MODELS))
def spec(request: pytest.FixtureRequest) -> ModelSpec:
    return spec_of(MODELS[request.param])


class Stream:
    """Rows with labels that follow from them, the same for the same seed."""

    def __init__(self, seed: int = 3) -> None:
        self._chance = random.Random(seed)

    def row(self) -> tuple[dict[str, Any], bool]:
        chance = self._chance
        row = {
            "a": chance.gauss(0, 1),
            "user": f"u{int(chance.expovariate(0.05))}",
            "item": f"i{chance.randrange(200)}",
            "words": " ".join(chance.choice(WORDS) for _ in range(4)),
        }
        for name in chance.sample(sorted(row), chance.randrange(2)):
            del row[name]
        return row, len(str(row.get("user"))) > 2

    def teach(self, learner: Learner, steps: int) -> None:
        for _ in range(steps):
            batch = [self.row() for _ in range(learner.batch_size)]
            for row, label in batch:
                learner.score(row, label, learner.predict(row))
            learner.learn([row for row, _ in batch], [label for _, label in batch], [1.0] * len(batch))


def test_a_restored_learner_goes_on_bit_for_bit_as_one_never_stopped(spec: ModelSpec) -> None:
    never, stopped = build_learner(spec), build_learner(spec)
    streams = Stream(), Stream()

    for steps in (0, 3, 1, 40, 7):
        for learner, stream in zip((never, stopped), streams, strict=True):
            stream.teach(learner, steps)
            learner.changes()
        assert stopped.state() == never.state()
        assert stopped.roots() == never.roots()
        stopped = restore_learner(spec, stopped.state())
        assert stopped.roots() == never.roots()
        assert not stopped.changes()


def test_readers_answer_with_the_learners_bits_and_hold_the_root_of_all_units(spec: ModelSpec) -> None:
    learner, stream = build_learner(spec), Stream()
    state = EMPTY.apply(learner.changes())
    reader = build_predictor(spec, state.serving, learner.roots()[0])
    probes = [Stream(9).row()[0] for _ in range(20)]

    for steps in (1, 2, 30, 1, 1):
        stream.teach(learner, steps)
        delta = learner.changes()
        state = state.apply(delta)
        reader = reader.updated(delta.serving, learner.roots()[0])
        assert learner.roots() == (HashTree(state.serving).root, HashTree(state.trainer).root)
        assert [reader.predict(row) for row in probes] == [learner.predict(row) for row in probes]

    anew = build_predictor(spec, state.serving, learner.roots()[0])
    assert [anew.predict(row) for row in probes] == [learner.predict(row) for row in probes]


def blocks(delta: SideDelta, learner: TorchLearner, name: str) -> set[int]:
    spans = Spans(learner.state().serving)
    return set(spans.sorted_out(delta.changed).get(spans.by_name[name], {}))


@pytest.mark.parametrize("optimizer", ["SGD", "Adagrad", "SparseAdam"])
def test_only_touched_rows_are_told_and_the_untrained_table_is_a_header(optimizer: str) -> None:
    spec = spec_of(f"factorization: {{dim: 15, buckets: 1000000, optimizer: {optimizer}}}", "[]")
    learner = build_learner(spec)
    assert isinstance(learner, TorchLearner)
    first = learner.changes()
    assert len(encode_side(first.serving)) < 1000
    assert not blocks(first.serving, learner, "module.buckets.weight")

    row, label = {"user": "u1", "item": "i1", "words": "to be or not to be"}, True
    learner.learn([row], [label], [1.0])
    delta = learner.changes()

    touched = set(learner.model.encode([row])[-2].tolist())
    assert len(touched) == 6
    assert blocks(delta.serving, learner, "module.buckets.weight") == touched
    assert sum(map(len, delta.serving.changed.values())) < 6 * 70 + 1000
    spans = Spans({n: unit for side in sides(learner.state()) for n, unit in side.items() if not n & 1})
    memories = [span.header.name for span in spans if span.header.name.startswith("optimizer")]
    of_rows = [name for name in memories if spans.by_name[name].header.shape == (1_000_000, 16)]
    assert len(of_rows) == {"SGD": 0, "Adagrad": 1, "SparseAdam": 2}[optimizer]
    told = spans.sorted_out({n: unit for n, unit in delta.trainer.changed.items() if not n & 1})
    assert all(set(told[spans.by_name[name]]) == touched for name in of_rows)


def sides(state: State) -> tuple[Any, Any]:
    return state.serving, state.trainer


def test_a_change_that_no_gradient_told_of_is_found_counted_and_put_right() -> None:
    spec = spec_of(MODELS["factorization, Adagrad"])
    learner, stream = build_learner(spec), Stream()
    assert isinstance(learner, TorchLearner)
    state = EMPTY.apply(learner.changes())
    reader = build_predictor(spec, state.serving, learner.roots()[0])
    weight = tables_of(learner.model.module)["buckets.weight"].parameter
    with torch.no_grad():
        weight[ROWS - 1] += 1.0
        weight[2000] = 2.0

    for _ in range(ROWS):
        stream.teach(learner, 1)
        delta = learner.changes()
        reader = reader.updated(delta.serving, learner.roots()[0])
        state = state.apply(delta)
        if learner.missed_changes:
            break

    assert learner.missed_changes == 1
    held = restore_learner(spec, state)
    assert isinstance(held, TorchLearner)
    assert torch.equal(tables_of(held.model.module)["buckets.weight"].parameter, weight)
    assert held.roots() == learner.roots()


def test_nothing_is_missed_where_gradients_tell(spec: ModelSpec) -> None:
    learner, stream = build_learner(spec), Stream()

    for _ in range(30):
        stream.teach(learner, 2)
        learner.changes()

    assert learner.missed_changes == 0


def test_two_copies_take_turns_and_a_version_that_is_held_stays() -> None:
    spec = spec_of(MODELS["factorization, Adagrad"])
    learner, stream = build_learner(spec), Stream()
    learner.changes()
    probe = Stream(5).row()[0]

    def place(reader: Any) -> int:
        return int(tables_of(reader._copy.model.module)["buckets.weight"].parameter.data_ptr())

    def following(reader: Any) -> Any:
        stream.teach(learner, 3)
        return reader.updated(learner.changes().serving, learner.roots()[0])

    reader = build_predictor(spec, learner.state().serving, learner.roots()[0])
    assert isinstance(reader, TorchPredictor)
    places = []
    for _ in range(6):
        reader = following(reader)
        places.append(place(reader))
        assert reader.predict(probe) == learner.predict(probe)
    assert places[0::2] == [places[0]] * 3
    assert places[1::2] == [places[1]] * 3

    held, answer = reader, reader.predict(probe)
    newer = following(held)
    newest = following(newer)
    assert len({place(held), place(newer), place(newest)}) == 3
    assert held.predict(probe) == answer
    assert newest.predict(probe) == learner.predict(probe)


def test_a_reader_goes_on_after_updates_that_were_refused() -> None:
    spec = spec_of(MODELS["two towers"])
    learner, stream = build_learner(spec), Stream()
    learner.changes()
    stream.teach(learner, 20)
    learner.changes()
    reader = build_predictor(spec, learner.state().serving, learner.roots()[0])
    probe = Stream(5).row()[0]
    for _ in range(3):
        stream.teach(learner, 5)
        reader = reader.updated(learner.changes().serving, learner.roots()[0])
    stream.teach(learner, 5)
    delta, root, before = learner.changes().serving, learner.roots()[0], reader.predict(probe)
    broken = SideDelta({**delta.changed, max(delta.changed): b"\xc4\x01x"})
    units = {**learner.state().serving, **broken.changed}

    for bad, claimed in ((delta, bytes(32)), (broken, HashTree(units).root), (SideDelta({1: b""}), root)):
        with pytest.raises((DigestMismatch, InvalidInput)):
            reader.updated(bad, claimed)
        assert reader.predict(probe) == before
    with pytest.raises(InvalidInput):
        reader.updated(SideDelta({}, frozenset({0})), root)

    for again in (reader.updated(delta, root), reader.updated(delta, root)):
        assert again.predict(probe) == learner.predict(probe)


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_a_reader_of_rounded_rows_can_be_asked_twice(precision: str) -> None:
    model = MODELS["two towers"]
    spec = parse_spec(
        f"{{name: t, task: binary, learner: torch, {FEATURES}, model: {{{model}}}, "
        f"publish: {{precision: {precision}}}}}"
    )
    learner, stream = build_learner(spec), Stream()
    learner.changes()
    reader = build_predictor(spec, learner.state().serving, learner.roots()[0])
    for steps in (10, 3, 5):
        stream.teach(learner, steps)
        delta, root = learner.changes().serving, learner.roots()[0]
        older, reader = reader, reader.updated(delta, root)
    probe = Stream(5).row()[0]

    with pytest.raises(DigestMismatch):
        older.updated(delta, bytes(32))
    assert older.updated(delta, root).predict(probe) == reader.predict(probe)


def test_a_module_that_was_learned_elsewhere_is_told_whole(spec: ModelSpec) -> None:
    elsewhere = build_learner(spec)
    Stream().teach(elsewhere, 40)

    adopted = adopt_model(spec, elsewhere.model)
    state = EMPTY.apply(adopted.changes())

    reader = build_predictor(spec, state.serving, adopted.roots()[0])
    probe = Stream(5).row()[0]
    assert reader.predict(probe) == elsewhere.predict(probe)
    streams = Stream(8), Stream(8)
    for learner, stream in zip((elsewhere, adopted), streams, strict=True):
        stream.teach(learner, 5)
    assert adopted.predict(probe) == elsewhere.predict(probe)
    assert adopted.missed_changes == 0


def test_a_state_of_a_table_with_another_start_is_refused() -> None:
    spec = spec_of(MODELS["factorization, SGD"])
    other = spec_of(MODELS["factorization, SGD"].replace("dim: 7", "dim: 7, seed: 1"))
    learner = build_learner(spec)
    learner.changes()

    with pytest.raises(InvalidInput, match="start"):
        restore_learner(other, learner.state())
    with pytest.raises(InvalidInput, match="start"):
        build_predictor(other, learner.state().serving, learner.roots()[0])


def test_memory_of_an_optimizer_that_claims_another_shape_is_refused() -> None:
    spec = spec_of(MODELS["factorization, Adagrad"])
    learner = build_learner(spec)
    learner.changes()
    state = learner.state()
    number = next(n for n, unit in state.trainer.items() if b".sum" in unit and unit.endswith(b"\0" * 8))
    huge = state.trainer[number].replace(b"\xcd" + ROWS.to_bytes(2, "big"), b"\xce\x7f\xff\xff\xff")
    assert huge != state.trainer[number]

    with pytest.raises(InvalidInput):
        restore_learner(spec, State(state.serving, {**state.trainer, number: huge}, state.next_unit))


def test_a_table_of_the_users_own_starts_as_seeded() -> None:
    one = EmbeddingTable(1000, 8, seed=5, bound=0.5)
    twin, other = EmbeddingTable(1000, 8, seed=5, bound=0.5), EmbeddingTable(1000, 8, seed=6, bound=0.5)

    assert torch.equal(one.weight, twin.weight)
    assert not torch.equal(one.weight, other.weight)
    assert list(tables_of(one)) == ["weight"]
