"""What was learned since the last capture, where that one was not pushed too."""

import json

from riverrun_trainer.learning import Learning

from riverrun.core.events import Arrivals, LoggedEvent, Stream
from riverrun.core.spec import parse_spec
from riverrun.learners.build import build_learner

SPEC = parse_spec(
    """
name: toy
task: regression
model:
  - linear_model.LinearRegression: {optimizer: {optim.SGD: {lr: 0.1}}}
"""
)


def event(offset: int, features: dict[str, float]) -> LoggedEvent:
    body = json.dumps({"features": features, "label": 1.0}).encode()
    return LoggedEvent(offset, f"e{offset}", time_ns=1000 + offset, received_ns=2000 + offset, body=body)


def learning() -> Learning:
    return Learning(SPEC, build_learner(SPEC), offsets={0: 0})


def test_the_capture_after_one_that_was_kept_back_holds_what_both_learned():
    kept_back, plain = learning(), learning()
    events = [event(0, {"x": 1.0}), event(1, {"y": 2.0}), event(2, {"z": 3.0})]

    kept_back.take(events[:2])
    kept_back.progress.keep_back(kept_back.capture())
    kept_back.take(events[2:])
    captured = kept_back.capture()
    plain.take(events)
    expected = plain.capture()

    assert (captured.serving, captured.serving_root) == (expected.serving, expected.serving_root)
    assert captured.arrivals == expected.arrivals == Arrivals(2000, 2002)
    assert (captured.learned, captured.examples) == (3, 3)


def test_the_capture_after_that_begins_where_the_last_one_ended():
    one = learning()
    one.take([event(0, {"x": 1.0})])
    one.progress.keep_back(one.capture())
    one.capture()

    one.take([event(1, {"y": 2.0})])
    captured = one.capture()

    delta = captured.delta
    assert one.progress.since_kept_back(delta) is delta
    assert (captured.learned, captured.examples) == (1, 2)
    assert captured.arrivals == Arrivals(2001, 2001)


def test_features_are_remembered_with_their_newest_value_up_to_a_capture():
    one = learning()

    one.take([event(0, {"x": 1.0, "y": 2.0}), event(1, {"x": 3.0})])
    touched = dict(one.progress.touched)
    one.capture()

    assert touched == {"x": 3.0, "y": 2.0}
    assert one.progress.touched == {}
    assert one.progress.last == (Stream.EXAMPLES, 1)
