"""When an event that an example decides is decided, and when it is let go of."""

from riverrun_trainer.joining.ledger import Ledger, Place
from riverrun_trainer.joining.outcomes import Outcomes
from riverrun_trainer.refused import Refused

from riverrun.core.events import Example, LoggedEvent, Stream
from riverrun.core.joining import JoinedExample, Origin, PredictionRecord
from riverrun.core.predictions import Prediction

SERVED = PredictionRecord("p", 0, {"x": 1.0}, 3, "live", Prediction(True), offset=0)


def event(offset: int = 0) -> LoggedEvent:
    return LoggedEvent(offset, f"e{offset}", 0, 0, b"")


def labelled(origin: Origin = Origin.LABEL) -> JoinedExample:
    return JoinedExample(Example({"x": 1.0}, True), event(), Stream.LABELS, 0, origin, SERVED)


def taken(ledger: Ledger) -> list[Place]:
    return [ledger.take(stream, event()) for stream in (Stream.LABELS, Stream.PREDICTIONS)]


def floors(ledger: Ledger) -> list[int]:
    ledger.changes()
    return [ledger.starts(stream)[0] for stream in (Stream.LABELS, Stream.PREDICTIONS)]


def test_what_an_example_on_its_way_decides_is_kept_until_it_is_learned():
    ledger = Ledger()
    outcomes, places = Outcomes(ledger), taken(ledger)

    outcomes.put(labelled())
    outcomes.close(places)
    on_its_way = ([ledger.is_decided(place) for place in places], floors(ledger))
    outcomes.settle(outcomes.ready.popleft())

    assert on_its_way == ([False, False], [0, 0])
    assert ([ledger.is_decided(place) for place in places], floors(ledger)) == ([True, True], [1, 1])


def test_of_two_examples_on_their_way_the_last_lets_their_prediction_go():
    ledger = Ledger()
    outcomes, places = Outcomes(ledger), taken(ledger)
    early = JoinedExample(
        Example({"x": 1.0}, False), event(), Stream.PREDICTIONS, 0, Origin.EARLY_NEGATIVE, SERVED
    )
    outcomes.put(early)
    outcomes.put(labelled(Origin.LATE_POSITIVE))
    outcomes.close(places)

    outcomes.settle(early)
    after_one = (ledger.is_early(places[1]), ledger.is_decided(places[1]), floors(ledger))
    outcomes.settle(outcomes.ready[1])

    assert after_one == (True, False, [0, 0])
    assert (ledger.is_decided(places[1]), floors(ledger)) == (True, [1, 1])


def test_an_event_that_is_set_aside_is_decided_at_once_and_counted():
    ledger = Ledger()
    outcomes, places = Outcomes(ledger), taken(ledger)

    outcomes.set_aside(event(), "why", places[0], "late")

    assert list(outcomes.ready) == [Refused(event(), "why", Stream.LABELS)]
    assert ledger.is_decided(places[0])
    assert outcomes.take_counts() == {"late": 1}
    assert outcomes.take_counts() == {}


def test_coverage_is_the_share_of_decided_predictions_that_got_their_label():
    ledger = Ledger()
    outcomes, places = Outcomes(ledger), taken(ledger)
    at_first = outcomes.coverage

    for outcome in ("labelled", "silent", "labelled", "late", "labelled"):
        outcomes.decide(places[0], outcome)
        outcomes.take_counts()

    assert (at_first, outcomes.coverage) == (None, 0.75)
