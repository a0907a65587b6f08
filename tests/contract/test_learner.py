"""What every learner promises, over River and torch, declared and from factories.

How a particular model learns is in tests/unit/learners; how states are written in tests/unit/codec.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from riverrun.core.digest import HashTree
from riverrun.core.errors import DigestMismatch, InvalidInput
from riverrun.core.predictions import Features, Label
from riverrun.core.spec import ModelSpec, parse_spec
from riverrun.core.units import EMPTY, SideDelta, State, compose
from riverrun.learners.build import build_learner, build_predictor, restore_learner
from riverrun.learners.protocol import Learner
from tests.contract.factory_models import FACTORIES

FEATURES = "features: {a: float, b: float, flag: bool, kind: category, words: text}"


@dataclass(frozen=True)
class Case:
    """A spec, the labels it learns, and rows and labels that it cannot learn from."""

    text: str
    labels: tuple[Label, ...]
    refused: list[tuple[Features, Label]] = field(default_factory=list)
    keeps_rows_of_any_shape: bool = True

    @property
    def spec(self) -> ModelSpec:
        return parse_spec(self.text)


TEXT_ROW: Features = {"b": 1.0, "a": "not a number"}

SCALED = "preprocessing.StandardScaler"
NUMBERS = "compose.SelectType: [float]"

CASES = {
    "river binary": Case(
        f"""
name: binary
task: binary
model:
  - union:
      - [{{{NUMBERS}}}, {SCALED}]
      - [{{compose.SelectType: [str]}}, preprocessing.OneHotEncoder]
  - linear_model.LogisticRegression
metrics: [ROCAUC, LogLoss]
""",
        (False, True),
    ),
    "river multiclass": Case(
        f"""
name: multiclass
task: multiclass
model: [{{{NUMBERS}}}, {SCALED}, {{tree.HoeffdingTreeClassifier: {{grace_period: 20}}}}]
metrics: [MacroF1, Accuracy]
""",
        ("red", "green", "blue"),
    ),
    "river regression": Case(
        f"""
name: regression
task: regression
model: [{SCALED}, linear_model.LinearRegression]
metrics: [MAE]
""",
        (0.5, 1.5, -2.0),
        [(TEXT_ROW, 1.0)],
        keeps_rows_of_any_shape=False,
    ),
    "torch binary": Case(
        f"""
name: binary
task: binary
learner: torch
{FEATURES}
model: {{mlp: {{hidden: [8], optimizer: {{SGD: {{lr: 0.05}}}}}}}}
metrics: [ROCAUC]
""",
        (False, True),
        [(TEXT_ROW, True), ({"kind": 3}, True), ({"a": 1e300, "b": -1e300}, "true"), ({"a": 1.0}, 2)],
    ),
    "torch multiclass in batches": Case(
        f"""
name: multiclass
task: multiclass
learner: torch
{FEATURES}
model:
  mlp: {{hidden: [8, 4], optimizer: {{Adam: {{lr: 0.01}}}}, batch: 4, classes: [red, green, blue]}}
metrics: [Accuracy]
""",
        ("red", "green", "blue"),
        [(TEXT_ROW, "red"), ({"a": 1.0}, "black")],
    ),
    "torch regression, not scaled": Case(
        f"""
name: regression
task: regression
learner: torch
{FEATURES}
model: {{mlp: {{hidden: [], standardise: false, optimizer: {{Adagrad: {{lr: 0.1}}}}}}}}
metrics: [RMSE]
""",
        (0.5, 1.5, -2.0),
        [(TEXT_ROW, 1.0), ({"a": 1e300, "b": 1.0}, 1.0)],
    ),
    "torch factorization": Case(
        f"""
name: factorization
task: binary
learner: torch
{FEATURES}
model: {{factorization: {{dim: 5, buckets: 1003, optimizer: {{Adagrad: {{lr: 0.1}}}}}}}}
metrics: [LogLoss]
""",
        (False, True),
        [(TEXT_ROW, True), ({"kind": 3}, True)],
    ),
    "torch factorization, sparse adam": Case(
        f"""
name: factorization
task: regression
learner: torch
{FEATURES}
model: {{factorization: {{dim: 16, buckets: 500, optimizer: {{SparseAdam: {{lr: 0.02}}}}, batch: 4}}}}
metrics: [MAE]
""",
        (0.5, 1.5, -2.0),
        [(TEXT_ROW, 1.0)],
    ),
    "torch two towers": Case(
        f"""
name: towers
task: binary
learner: torch
{FEATURES}
model:
  two_tower:
    user: {{features: [kind, a], buckets: 100}}
    item: {{features: [words, b, flag], hidden: [8], buckets: 300}}
    dim: 4
    optimizer: {{SGD: {{lr: 0.05}}}}
metrics: [LogLoss]
""",
        (False, True),
        [(TEXT_ROW, True), ({"words": True}, True)],
    ),
    "a torch factory with sparse embeddings and two optimizers": Case(
        """
name: own
task: binary
learner: torch
factory: tests.contract.factory_models:own_sparse_torch
metrics: [LogLoss]
""",
        (False, True),
        [({"a": 13.0}, True)],
    ),
    "a river factory with types and functions of its own": Case(
        "{name: own, task: regression, factory: 'tests.contract.factory_models:own_river', metrics: [MAE]}",
        (0.5, 1.5, -2.0),
        [({"a": 13.0, "b": 1.0}, 1.0)],
        keeps_rows_of_any_shape=False,
    ),
    "a torch factory with dropout and momentum": Case(
        """
name: own
task: binary
learner: torch
factory: tests.contract.factory_models:own_torch
metrics: [LogLoss]
""",
        (False, True),
        [({"a": 13.0}, True)],
    ),
}


@pytest.fixture(params=CASES, ids=list(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    made: Case = CASES[request.param]
    if "learner: torch" in made.text:
        pytest.importorskip("torch", reason="torch is an extra")
    return made


def rows_of(case: Case, count: int, seed: int = 5) -> list[tuple[dict[str, Any], Label]]:
    """Rows with a label that follows from them; where the case allows, some lack features."""
    print(f"seed {seed}")
    rng = random.Random(seed)
    rows = []
    for _ in range(count):
        place = rng.randrange(len(case.labels))
        row: dict[str, Any] = {"a": rng.gauss(place, 0.5), "b": rng.random()}
        if case.keeps_rows_of_any_shape:
            row |= {
                "flag": rng.random() < 0.5,
                "kind": f"k{place + rng.randrange(2)}",
                "words": "to be or not",
            }
            for name in rng.sample(sorted(row), rng.randrange(3)):
                del row[name]
        rows.append((row, case.labels[place]))
    return rows


def fresh(case: Case) -> Learner:
    return build_learner(case.spec, factories=FACTORIES)


def teach(learner: Learner, examples: list[tuple[dict[str, Any], Label]]) -> None:
    size = learner.batch_size
    for start in range(0, len(examples) - size + 1, size):
        batch = examples[start : start + size]
        for row, label in batch:
            learner.score(row, label, learner.predict(row))
        learner.learn([row for row, _ in batch], [label for _, label in batch], [1.0] * size)


def roots_of(state: State) -> tuple[bytes, bytes]:
    return HashTree(state.serving).root, HashTree(state.trainer).root


def test_it_learns(case: Case) -> None:
    examples = rows_of(case, 400)
    learner = fresh(case)
    teach(learner, examples)

    answers = [(learner.predict(row), label) for row, label in rows_of(case, 100, seed=6)]

    if case.spec.is_classifier:
        assert sum(answer.value == label for answer, label in answers) > 120 / len(case.labels)
        assert all(abs(sum((a.probabilities or {}).values()) - 1) < 1e-9 for a, _ in answers)
    else:
        mean = sum(abs(float(a.value or 0) - float(label)) for a, label in answers) / len(answers)
        assert mean < 1.3
    assert set(learner.metrics()) == set(case.spec.metric_names)


def test_the_first_changes_are_a_whole_state_and_no_change_is_no_delta(case: Case) -> None:
    learner = fresh(case)

    first = learner.changes()

    assert EMPTY.apply(first) == learner.state()
    assert learner.roots() == roots_of(learner.state())
    assert not learner.changes()


def test_predicting_changes_no_state_and_no_row(case: Case) -> None:
    learner = fresh(case)
    examples = rows_of(case, 40)
    teach(learner, examples)
    learner.changes()
    before = learner.state()

    for row, _ in examples:
        given = copy.deepcopy(row)
        assert learner.predict(row) == learner.predict(row)
        assert row == given

    assert not learner.changes()
    assert learner.state() == before


def test_no_later_answer_depends_on_what_was_asked(case: Case) -> None:
    asked, quiet = fresh(case), fresh(case)
    examples = rows_of(case, 40)

    for row, label in examples:
        asked.predict(row)
        asked.predict({**row, "never learned": 1.0})
        for learner in (asked, quiet):
            learner.learn(
                [row] * learner.batch_size, [label] * learner.batch_size, [1.0] * learner.batch_size
            )

    assert all(asked.predict(row) == quiet.predict(row) for row, _ in examples)


def test_learning_changes_no_row(case: Case) -> None:
    examples = rows_of(case, 40)
    given = copy.deepcopy(examples)

    learner = fresh(case)
    teach(learner, examples)
    learner.changes()

    assert examples == given


def test_deltas_lead_a_reader_to_exactly_the_learners_answers(case: Case) -> None:
    learner = fresh(case)
    state = EMPTY.apply(learner.changes())
    reader = build_predictor(case.spec, state.serving, learner.roots()[0], factories=FACTORIES)
    examples = rows_of(case, 60)

    for start in range(0, 60, 12):
        teach(learner, examples[start : start + 12])
        older, old_answer = reader, reader.predict(examples[0][0])
        delta = learner.changes()
        state = state.apply(delta)
        reader = reader.updated(delta.serving, learner.roots()[0])

        assert state == learner.state()
        assert older.predict(examples[0][0]) == old_answer
        rows = [row for row, _ in examples]
        assert [reader.predict(row) for row in rows] == [learner.predict(row) for row in rows]


def test_predicting_many_rows_is_predicting_each(case: Case) -> None:
    learner = fresh(case)
    teach(learner, rows_of(case, 60))
    learner.changes()
    reader = build_predictor(case.spec, learner.state().serving, learner.roots()[0], factories=FACTORIES)
    rows = [row for row, _ in rows_of(case, 20, seed=7)]

    many = reader.predict_many(rows)

    for answer, row in zip(many, rows, strict=True):
        one = reader.predict(row)
        if one.probabilities is None:
            assert answer.value == pytest.approx(one.value, abs=1e-6)
        else:
            assert answer.probabilities == pytest.approx(one.probabilities, abs=1e-6)
    assert reader.predict_many([]) == []


def test_deltas_compose_without_the_learner(case: Case) -> None:
    learner = fresh(case)
    first = EMPTY.apply(learner.changes())
    examples = rows_of(case, 48)
    deltas = []
    for start in range(0, 48, 8):
        teach(learner, examples[start : start + 8])
        deltas.append(learner.changes())

    reader = build_predictor(case.spec, first.serving, HashTree(first.serving).root, factories=FACTORIES)
    reader = reader.updated(compose(deltas).serving, learner.roots()[0])

    assert first.apply(compose(deltas)) == learner.state()
    assert reader.predict(examples[0][0]) == learner.predict(examples[0][0])


def test_a_restored_learner_goes_on_as_if_nothing_had_happened(case: Case) -> None:
    one, other = fresh(case), fresh(case)
    examples = rows_of(case, 80)
    teach(one, examples[:40])
    one.changes()
    state = one.state()
    other = restore_learner(case.spec, state, factories=FACTORIES)

    assert other.state() == state
    assert other.roots() == one.roots()
    assert not other.changes()
    teach(one, examples[40:])
    teach(other, examples[40:])
    a, b = one.changes(), other.changes()

    assert a.serving == b.serving
    assert one.roots()[0] == other.roots()[0]
    assert one.metrics() == other.metrics()
    assert all(one.predict(row) == other.predict(row) for row, _ in examples)


def test_numbers_are_never_given_again(case: Case) -> None:
    learner = fresh(case)
    used: set[int] = set()
    gone: set[int] = set()
    examples = rows_of(case, 80)
    for start in range(0, 80, 8):
        teach(learner, examples[start : start + 8])
        delta = learner.changes()
        both = delta.serving.changed.keys() | delta.trainer.changed.keys()
        assert not both & gone
        assert max(both, default=0) < delta.next_unit == learner.state().next_unit
        used |= both
        now = learner.state()
        gone = used - now.serving.keys() - now.trainer.keys()


def test_a_refused_example_teaches_nothing(case: Case) -> None:
    examples = rows_of(case, 64)
    undisturbed, disturbed = fresh(case), fresh(case)
    for learner in (undisturbed, disturbed):
        teach(learner, examples[:32])
    teach(undisturbed, examples[32:])

    teach_refused(case, disturbed, examples[0])
    disturbed.changes()
    teach(disturbed, examples[32:48])
    teach_refused(case, disturbed, examples[0])
    teach(disturbed, examples[48:])

    undisturbed.changes()
    disturbed.changes()
    assert all(undisturbed.predict(row) == disturbed.predict(row) for row, _ in examples)
    assert undisturbed.metrics() == disturbed.metrics()


def teach_refused(case: Case, learner: Learner, good: tuple[Mapping[str, Any], Label]) -> None:
    for row, label in case.refused:
        others = learner.batch_size - 1
        rows, labels = [good[0]] * others + [row], [good[1]] * others + [label]
        with pytest.raises(InvalidInput):
            learner.learn(rows, labels, [1.0] * learner.batch_size)


def test_what_can_be_learned_passes_the_check_and_a_check_teaches_nothing(case: Case) -> None:
    learner = fresh(case)
    learner.changes()

    for row, label in rows_of(case, 40):
        learner.check(row, label, 1.0)

    assert not learner.changes()


def test_a_label_or_row_that_is_known_to_be_wrong_does_not_pass_the_check(case: Case) -> None:
    if "learner: torch" not in case.text or "factory:" in case.text:
        pytest.skip("only a fixed encoding can tell beforehand")
    learner = fresh(case)

    with pytest.raises(InvalidInput, match="a"):
        learner.check(TEXT_ROW, case.labels[0], 1.0)
    if case.spec.is_classifier:
        with pytest.raises(InvalidInput, match="expected one of"):
            learner.check({"a": 1.0}, "no such class", 1.0)


def test_unknown_and_missing_features_are_survived(case: Case) -> None:
    if not case.keeps_rows_of_any_shape:
        pytest.skip("this model scales every feature that it is given")
    learner = fresh(case)
    size = learner.batch_size

    for row in ({}, {"a": 1.0}, {"a": 1.0, "never seen": 4.0}, {"b": None}):
        learner.predict(row)
        learner.learn([row] * size, [case.labels[0]] * size, [1.0] * size)

    learner.changes()
    learner.predict({"a": 1.0})


def test_units_with_another_root_are_never_used(case: Case) -> None:
    learner = fresh(case)
    learner.changes()
    units, root = learner.state().serving, learner.roots()[0]
    wrong = bytes(32)
    reader = build_predictor(case.spec, units, root, factories=FACTORIES)
    row = rows_of(case, 1)[0][0]
    before = reader.predict(row)

    with pytest.raises(DigestMismatch):
        build_predictor(case.spec, units, wrong, factories=FACTORIES)
    with pytest.raises(DigestMismatch):
        reader.updated(SideDelta(), wrong)

    assert reader.predict(row) == before
    assert reader.updated(SideDelta(), root).predict(row) == before


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"\x00" * 40, b"\x94\x01\x02\x03\x04", b"cos\nsystem\n."])
def test_units_that_no_learner_writes_are_refused(case: Case, payload: bytes) -> None:
    learner = fresh(case)
    learner.changes()
    state = learner.state()
    number = min(state.serving)
    broken = {**state.serving, number: payload}
    reader = build_predictor(case.spec, state.serving, learner.roots()[0], factories=FACTORIES)
    row = rows_of(case, 1)[0][0]
    before = reader.predict(row)

    with pytest.raises(InvalidInput):
        build_predictor(case.spec, broken, HashTree(broken).root, factories=FACTORIES)
    with pytest.raises(InvalidInput):
        reader.updated(SideDelta({number: payload}), HashTree(broken).root)
    with pytest.raises(InvalidInput):
        restore_learner(case.spec, State(broken, state.trainer, state.next_unit), factories=FACTORIES)

    assert reader.predict(row) == before
