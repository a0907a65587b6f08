"""Whatever the order, and wherever it crashes: each prediction and label ends as one thing, and once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from riverrun_trainer.joining.join import LATE, REFUSED, UNMATCHED
from riverrun_trainer.joining.rules import JoinRules

from riverrun.core.events import Stream
from riverrun.core.joining import Origin
from tests.unit.trainer.joining.join_run import SECOND, SPEC, JoinRun, Said, logged

WINDOW_S, LATENESS_S = 60, 30
RULES = replace(JoinRules.of(SPEC), lateness_ns=LATENESS_S * SECOND)
NEGATIVE = replace(RULES, negative=False)
EARLY = replace(NEGATIVE, early_after_ns=0)
LATER = replace(NEGATIVE, early_after_ns=20 * SECOND)
LAST = replace(RULES, takes_corrections=True)
NAMES = ["ignore", "negative", "early", "early-later", "corrections"]


@dataclass
class Expected:
    """What an oracle says: learned as (id, label, origin), and letters by stream and offset."""

    learned: Counter[tuple[str, bool, Origin]] = field(default_factory=Counter)
    letters: dict[tuple[Stream, int], str] = field(default_factory=dict)


def oracle(rules: JoinRules, said: Sequence[Said]) -> Expected:
    """All of it at once, without time passing: who is meant for whom, by event times alone."""
    found = Expected()
    predictions: dict[str, float] = {}
    labels: dict[str, list[tuple[int, Said]]] = {}
    for one in said:
        if one.stream is Stream.PREDICTIONS:
            predictions.setdefault(one.id, one.at_s)
    for offset, one in enumerate(one for one in said if one.stream is Stream.LABELS):
        labels.setdefault(one.id, []).append((offset, one))
    for name in predictions.keys() | labels.keys():
        _decide(found, rules, name, predictions.get(name), labels.get(name, []))
    return found


def _decide(
    found: Expected, rules: JoinRules, name: str, at_s: float | None, labels: list[tuple[int, Said]]
) -> None:
    is_early = rules.early_after_ns is not None and at_s is not None
    label: bool | None = None
    for offset, one in labels:
        place = (Stream.LABELS, offset)
        if at_s is None:
            found.letters[place] = UNMATCHED
        elif abs(one.at_s - at_s) > WINDOW_S:
            found.letters[place] = LATE
        elif label is None:
            label = one.label
            if not is_early:
                found.learned[(name, label, Origin.LABEL)] += 1
            elif label:
                found.learned[(name, label, Origin.LATE_POSITIVE)] += 1
        elif one.label != label and rules.takes_corrections:
            label = one.label
            found.learned[(name, label, Origin.CORRECTION)] += 1
        elif one.label != label:
            found.letters[place] = REFUSED
    if is_early:
        found.learned[(name, False, Origin.EARLY_NEGATIVE)] += 1
    elif at_s is not None and label is None and rules.negative is not None:
        found.learned[(name, False, Origin.SILENCE)] += 1


STEPS = st.lists(st.sampled_from("tttcx"), max_size=40)


@st.composite
def streams(draw: st.DrawFn) -> list[Said]:
    """Predictions and labels of few ids, some missing, late, repeated or corrected, out of order by less than
    the lateness."""
    events: list[Said] = []
    for number in range(draw(st.integers(1, 5))):
        name = f"p{number}"
        at_s = draw(st.integers(0, 200))
        if draw(st.booleans()) or draw(st.booleans()):
            events += [Said(Stream.PREDICTIONS, name, at_s)] * draw(st.sampled_from([1, 1, 1, 2]))
        for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2, 3]))):
            delay_s = draw(st.integers(-20, WINDOW_S + 15))
            events.append(Said(Stream.LABELS, name, at_s + delay_s, draw(st.booleans())))
    return _as_they_arrive(draw, events)


@st.composite
def streams_with_examples(draw: st.DrawFn) -> list[Said]:
    """Some labels bring their features along; all of one id say the same."""
    events: list[Said] = []
    for number in range(draw(st.integers(1, 5))):
        name, at_s, label = f"p{number}", draw(st.integers(0, 200)), draw(st.booleans())
        kinds = draw(st.lists(st.sampled_from([Stream.LABELS, Stream.EXAMPLES]), min_size=1, max_size=3))
        events += [Said(Stream.PREDICTIONS, name, at_s)] * draw(st.integers(0, 1))
        events += [Said(kind, name, at_s + draw(st.integers(0, WINDOW_S)), label) for kind in kinds]
    return _as_they_arrive(draw, events)


def _as_they_arrive(draw: st.DrawFn, events: list[Said]) -> list[Said]:
    """Each is on its way to the log for less than the lateness."""
    delays = [draw(st.integers(0, LATENESS_S - 2)) for _ in events]
    order = sorted(range(len(events)), key=lambda n: events[n].at_s + delays[n])
    return [events[n] for n in order]


def _take(run: JoinRun, steps: Sequence[str]) -> None:
    for step in steps:
        match step:
            case "t":
                run.run(1)
            case "c":
                run.commit()
            case "x":
                run.crash()
    run.finish()


@pytest.mark.parametrize("rules", [RULES, NEGATIVE, EARLY, LATER, LAST], ids=NAMES)
@settings(max_examples=120, deadline=None)
@given(said=streams(), batch=st.integers(1, 3), steps=STEPS)
def test_outcomes_are_those_of_the_oracle_across_crashes(
    rules: JoinRules, said: list[Said], batch: int, steps: list[str]
) -> None:
    run = JoinRun(rules, logged(said), batch)

    _take(run, steps)

    expected = oracle(rules, said)
    learned = Counter((one.example.prediction_id, one.example.label, one.origin) for one in run.learned)
    assert _comparable(learned, rules) == _comparable(expected.learned, rules)
    assert _reasons(run.letters) == _reasons(expected.letters)
    assert len(run.join) == 0


@pytest.mark.parametrize("rules", [RULES, NEGATIVE, EARLY, LATER, LAST], ids=NAMES)
@settings(max_examples=120, deadline=None)
@given(said=streams_with_examples(), batch=st.integers(1, 3), steps=STEPS)
def test_an_example_with_features_and_labels_of_its_id_are_learned_once(
    rules: JoinRules, said: list[Said], batch: int, steps: list[str]
) -> None:
    run = JoinRun(rules, logged(said), batch)

    _take(run, steps)

    learned = Counter(one.example.prediction_id for one in run.learned if one.origin.is_judged)
    predicted = {one.id for one in said if one.stream is Stream.PREDICTIONS}
    with_features = {one.id for one in said if one.stream is Stream.EXAMPLES}
    confirmed = {one.id for one in said if not one.label} if rules.early_after_ns is not None else set()
    for name in {one.id for one in said}:
        expected = 1 if name in predicted | with_features else 0
        assert learned[name] == expected or (learned[name] == 0 and name in confirmed & predicted)
    assert len(run.join) == 0


def _reasons(letters: dict[tuple[Stream, int], str]) -> dict[tuple[Stream, int], str]:
    # A label that is late enough finds its prediction closed.
    return {place: LATE if why == UNMATCHED else why for place, why in letters.items()}


def _comparable(learned: Counter[tuple[str, bool, Origin]], rules: JoinRules) -> object:
    """Whether an id is learned as an early negative depends on whether its label came before that.

    What must hold is that each is learned at most once as either, and which it ends as.
    """
    if rules.early_after_ns is None:
        return learned
    assert all(count == 1 for count in learned.values())
    ends: dict[str, bool] = {}
    for name, label, origin in learned:
        assert (origin is Origin.LATE_POSITIVE) <= ((name, False, Origin.EARLY_NEGATIVE) in learned)
        ends[name] = ends.get(name, False) or label
    as_label = {name for name, _, origin in learned if origin in (Origin.LABEL, Origin.SILENCE)}
    assert as_label.isdisjoint(name for name, _, origin in learned if origin is Origin.EARLY_NEGATIVE)
    return ends
