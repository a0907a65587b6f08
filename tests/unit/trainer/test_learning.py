"""A learner and its position move together: learned, refused and waiting events."""

import json
import math

import pytest
from riverrun_trainer.diverged import Diverged
from riverrun_trainer.importance import importance
from riverrun_trainer.joining.line_join import LineJoin, open_join
from riverrun_trainer.judging.judges import Judges
from riverrun_trainer.learning import Learning

from riverrun.core.errors import InvalidInput, NotReady
from riverrun.core.events import Arrivals, Example, LoggedEvent, Stream
from riverrun.core.joining import JoinedExample, Origin
from riverrun.core.predictions import Prediction
from riverrun.core.spec import parse_spec
from riverrun.core.units import Delta, SideDelta
from riverrun.learners.build import build_learner

SPEC = parse_spec(
    """
name: toy
task: regression
model:
  - linear_model.LinearRegression: {optimizer: {optim.SGD: {lr: 0.1}}}
features: {x: float, y: {type: float, max: 10}}
metrics: [MAE]
"""
)


JOINING = parse_spec(
    "{name: toy, task: regression, model: [linear_model.LinearRegression], label: {window: 1h}}"
)


def event(offset: int, features=None, label: object = 1.0, body: bytes | None = None) -> LoggedEvent:
    if body is None:
        body = json.dumps({"features": features or {"x": float(offset)}, "label": label}).encode()
    return LoggedEvent(offset, f"e{offset}", time_ns=1000 + offset, received_ns=2000 + offset, body=body)


def river_learning(start: int = 0) -> Learning:
    return Learning(SPEC, build_learner(SPEC), offsets={0: start})


class BatchLearner:
    """Counts batches of three; refuses the label 13 when it learns, and answers NaN from the label 66 on."""

    batch_size = 3
    missed_changes = 0

    def __init__(self) -> None:
        self.batches: list[list[float]] = []
        self.broken = False

    def predict(self, features):
        if self.broken:
            raise NotReady("model", "its answer is not finite")
        return Prediction(0.0)

    def check(self, features, label, weight):
        if label == 7.0:
            raise InvalidInput("label", "no such class")

    def score(self, features, label, prediction):
        pass

    def learn(self, rows, labels, weights):
        if 13.0 in labels:
            raise InvalidInput("label", "not this one")
        self.batches.append(list(labels))
        self.broken = self.broken or 66.0 in labels

    def metrics(self):
        return {}

    def changes(self):
        return Delta(SideDelta({1: b"x"}), next_unit=2)

    def roots(self):
        return bytes(32), bytes(32)


def test_each_learned_event_moves_the_position_by_one():
    learning = river_learning(start=5)

    assert learning.take([event(5)]) == []
    assert learning.take([event(6)]) == []

    assert learning.offsets == {0: 7}
    assert learning.progress.learned == 2


def test_a_capture_holds_what_was_learned_since_the_one_before():
    learning = river_learning()
    learning.take([event(0)])
    learning.take([event(1)])

    first = learning.capture()
    learning.take([event(2)])
    second = learning.capture()

    assert (first.offsets, first.examples, first.learned) == ({0: 2}, 2, 2)
    assert (second.offsets, second.examples, second.learned) == ({0: 3}, 3, 1)
    assert first.arrivals == Arrivals(2000, 2001)
    assert second.arrivals == Arrivals(2002, 2002)
    assert second.watermark_ns == 1002
    assert first.serving_root != second.serving_root
    assert math.isfinite(second.metrics["MAE"])


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (event(0, body=b"\xff"), "JSON"),
        (event(0, features={"z": 1.0}), "features.z"),
        (event(0, features={"y": 11.0}), "features.y"),
        (event(0, label="high"), "label"),
        (event(0, body=b'{"features": {"x": 1e999}, "label": 1}'), ""),
        (event(0, body=b'{"features": {"x": 1}, "label": 1, "weight": -1}'), "weight"),
    ],
)
def test_an_event_that_cannot_be_learned_changes_only_the_position(bad, says):
    learning = river_learning()
    before = learning.capture()

    (refused,) = learning.take([bad])
    after = learning.capture()

    assert refused.event == bad
    assert says in refused.reason
    assert after.offsets == {0: 1}
    assert (after.examples, after.learned) == (0, 0)
    assert after.serving_root == before.serving_root


def test_a_poisoned_event_is_refused_and_those_around_it_are_learned():
    learning = river_learning()

    refused = learning.take([event(0), event(1), event(2)], {1: "it kills"})

    assert [(r.event, r.reason) for r in refused] == [(event(1), "it kills")]
    assert (learning.offsets, learning.progress.learned) == ({0: 3}, 2)


def test_a_poisoned_event_takes_the_mini_batch_along_that_it_would_complete():
    learning = Learning(SPEC, BatchLearner(), offsets={0: 0})

    refused = learning.take([event(n) for n in range(6)], {2: "it kills"})

    assert [(r.event.offset, r.reason) for r in refused] == [(n, "it kills") for n in range(3)]
    assert (learning.offsets, learning.progress.learned) == ({0: 6}, 3)


def test_what_was_passed_is_counted_from_one_capture_to_the_next():
    learning = river_learning(start=5)

    learning.take([event(5), event(6, label="high"), event(7, label="high")])
    before = learning.passed
    learning.capture()

    assert (before, learning.passed) == (3, 0)


def test_it_says_whether_the_next_event_completes_a_mini_batch():
    learning = Learning(SPEC, BatchLearner(), offsets={0: 0})

    said = []
    for offset in range(4):
        said.append(learning.batch.lacks_one)
        learning.take([event(offset)])

    assert said == [False, False, True, False]


def test_the_position_stays_at_the_last_finished_mini_batch():
    learning = Learning(SPEC, BatchLearner(), offsets={0: 0})

    for offset in range(5):
        learning.take([event(offset, label=float(offset))])

    assert learning.offsets == {0: 3}
    assert learning.progress.learned == 3
    captured = learning.capture()
    assert (captured.offsets, captured.examples) == ({0: 3}, 3)


def test_mini_batches_are_counted_in_examples_and_not_in_offsets():
    learner = BatchLearner()
    learning = Learning(SPEC, learner, offsets={0: 0})

    learning.take([event(0, body=b"{}")])
    at_bad = learning.offsets
    for offset in (1, 2):
        learning.take([event(offset, label=float(offset))])
    learning.take([event(3, body=b"{}")])
    learning.take([event(4, label=4.0)])

    assert at_bad == {0: 1}
    assert learner.batches == [[1.0, 2.0, 4.0]]
    assert learning.offsets == {0: 5}


def test_a_mini_batch_that_is_refused_is_refused_whole():
    learner = BatchLearner()
    learning = Learning(SPEC, learner, offsets={0: 0})
    events = [event(offset, label=label) for offset, label in enumerate([1.0, 13.0, 2.0, 3.0, 4.0, 5.0])]

    answers = [learning.take([e]) for e in events]

    assert [refused.event for refused in answers[2]] == events[:3]
    assert learner.batches == [[3.0, 4.0, 5.0]]
    assert learning.offsets == {0: 6}
    assert learning.progress.learned == 3


def test_a_model_that_is_not_finite_after_learning_is_found_before_it_is_published():
    learning = Learning(SPEC, BatchLearner(), offsets={0: 0})
    for offset, label in enumerate([1.0, 66.0, 2.0]):
        learning.take([event(offset, label=label)])

    with pytest.raises(Diverged) as found:
        learning.check_finite()

    assert found.value.where == (Stream.EXAMPLES, 2)


def test_a_broken_weight_is_found_behind_an_event_that_lacks_its_feature():
    learning = river_learning()

    learning.take([event(0, {"x": 1e308}, label=1e3), event(1, {"y": 1.0})])

    with pytest.raises(Diverged):
        learning.check_finite()


def test_an_answer_that_is_not_finite_is_blamed_on_events_that_are_not_published_yet():
    learning = Learning(SPEC, BatchLearner(), offsets={0: 0})
    for offset, label in enumerate([66.0, 1.0, 2.0, 3.0, 4.0]):
        learning.take([event(offset, label=label)])

    with pytest.raises(Diverged):
        learning.take([event(5)])


def test_an_answer_that_is_not_finite_right_after_a_version_is_blamed_on_the_event():
    learner = BatchLearner()
    learning = Learning(SPEC, learner, offsets={0: 0})
    learner.broken = True

    answers = [learning.take([event(offset)]) for offset in range(3)]

    assert len(answers[2]) == 3
    assert learning.offsets == {0: 3}
    assert learning.progress.learned == 0


def test_an_example_that_is_known_to_be_wrong_does_not_cost_its_batch():
    learner = BatchLearner()
    learning = Learning(SPEC, learner, offsets={0: 0})

    refused = [learning.take([event(i, label=label)]) for i, label in enumerate([1.0, 7.0, 2.0, 3.0])]

    assert [len(r) == 1 for r in refused] == [False, True, False, False]
    assert learner.batches == [[1.0, 2.0, 3.0]]
    assert learning.offsets == {0: 4}


class Heard:
    """A scorer that notes what it is told, and how many examples were learned by then."""

    def __init__(self, learner: BatchLearner) -> None:
        self._learner = learner
        self.heard: list[tuple[JoinedExample, object, int]] = []

    def score(self, joined, newest):
        self.heard.append((joined, newest, len(self._learner.batches)))


def joined(offset: int, label: object = 1.0, origin: Origin = Origin.LABEL) -> JoinedExample:
    example = Example({"x": 1.0}, label, prediction_id=f"p{offset}")
    return JoinedExample(example, event(offset), Stream.LABELS, 3000, origin)


def joining(settled: list[JoinedExample]) -> LineJoin:
    """A join that nothing was taken by, and that notes what is settled."""
    found = open_join(JOINING, {}, {}, [], 10)
    found.outcomes.settle = settled.append
    return found


def test_joined_examples_are_scored_before_they_are_learned_and_settled_after():
    learner, settled = BatchLearner(), []
    heard = Heard(learner)
    learning = Learning(SPEC, learner, offsets={0: 0}, judges=Judges([heard]), joining=joining(settled))
    examples = [joined(offset) for offset in range(4)]

    assert learning.take_joined(examples[:2]) == []
    assert (settled, heard.heard) == ([], [])
    learning.take_joined(examples[2:])

    assert settled == examples[:3]
    assert [(one, by_then) for one, _, by_then in heard.heard] == [(one, 0) for one in examples[:3]]
    assert heard.heard[0][1] == Prediction(0.0)


def test_the_position_waits_for_the_mini_batch_that_joined_examples_complete():
    learning = Learning(SPEC, BatchLearner(), offsets={0: 0})

    learning.take([event(0)])
    assert learning.offsets == {0: 0}
    learning.take_joined([joined(0), joined(1)])

    assert learning.offsets == {0: 1}
    assert learning.progress.learned == 3


def test_a_joined_example_that_is_refused_names_its_stream_and_is_settled():
    settled: list[JoinedExample] = []
    learning = Learning(SPEC, BatchLearner(), offsets={0: 0}, joining=joining(settled))
    bad = joined(0, label=7.0)

    (refused,) = learning.take_joined([bad])

    assert (refused.stream, refused.event, refused.reason) == (
        Stream.LABELS,
        bad.event,
        "label: no such class",
    )
    assert settled == [bad]


def test_a_confirmed_negative_is_judged_and_not_learned_again():
    learner = build_learner(SPEC)
    learning = Learning(SPEC, learner, offsets={0: 0})
    learning.take_joined([joined(0)])
    weights = learner.predict({"x": 1.0})

    learning.take_joined([joined(1, origin=Origin.CONFIRMED)])

    assert learner.predict({"x": 1.0}) == weights
    assert learning.progress.learned == 1
    assert learning.metrics()["MAE"] != 1.0


@pytest.mark.parametrize(
    ("origin", "p", "weight"),
    [
        (Origin.LABEL, 0.2, 3.0),
        (Origin.EARLY_NEGATIVE, 0.2, 3.0 * 0.8 * 1.2),
        (Origin.LATE_POSITIVE, 0.2, 3.0 * 1.2),
    ],
)
def test_negatives_that_may_be_none_count_by_the_fake_negative_weights(origin, p, weight):
    example = JoinedExample(Example({}, True, 3.0), event(0), Stream.LABELS, 0, origin)

    assert importance(example, Prediction(False, {True: p, False: 1 - p})) == pytest.approx(weight)


def test_a_class_that_was_never_seen_has_no_share():
    example = JoinedExample(Example({}, False), event(0), Stream.LABELS, 0, Origin.EARLY_NEGATIVE)

    assert importance(example, None) == importance(example, Prediction(False, {False: 1.0})) == 1.0


def test_examples_from_before_since_are_passed_over_and_count_nowhere() -> None:
    learning = Learning(SPEC, build_learner(SPEC), offsets={0: 0}, since_ns=1002)
    plain = river_learning()

    refused = learning.take([event(n) for n in range(5)])
    plain.take([event(n) for n in range(2, 5)])

    captured, expected = learning.capture(), plain.capture()
    assert refused == []
    assert (captured.offsets, captured.examples) == ({0: 5}, 3)
    assert captured.serving_root == expected.serving_root
    assert captured.metrics == expected.metrics
