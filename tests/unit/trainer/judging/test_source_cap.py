"""No source has more than its share of what is learned, whatever is sent and wherever learning begins."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence

import pytest
from riverrun_trainer.judging.judges import Judges
from riverrun_trainer.judging.source_cap import SourceCap
from riverrun_trainer.learning import Learning
from riverrun_trainer.refused import Refused

from riverrun.core.errors import InvalidInput
from riverrun.core.events import Example, LoggedEvent
from riverrun.core.spec import ModelSpec, SourcesSpec, parse_spec
from riverrun.learners.build import build_learner
from riverrun.runtime import metrics
from tests.unit.trainer.test_learning import BatchLearner

Sources = Sequence[str]


def spec(sources: str = "{feature: shop, share: 20%, over: 20}") -> ModelSpec:
    model = "[{compose.Select: [x]}, linear_model.LinearRegression]"
    return parse_spec(f"{{name: toy, task: regression, model: {model}, sources: {sources}}}")


def cap(of: ModelSpec | None = None, units: dict[int, bytes] | None = None) -> SourceCap:
    sources = (of or spec()).sources
    assert sources is not None
    return SourceCap(sources, "toy", units or {})


def example(shop: str | None, weight: float = 1.0) -> Example:
    return Example({"x": 1.0} if shop is None else {"x": 1.0, "shop": shop}, 1.0, weight)


def learned(by: SourceCap, shops: Sources, at_once: int = 1) -> list[str]:
    """Which of `shops` are learned, in mini-batches of `at_once`."""
    chosen = []
    for shop in shops:
        if by.refusal(example(shop)):
            continue
        by.take(example(shop))
        chosen.append(shop)
        if len(chosen) % at_once == 0:
            by.settle()
    return chosen


def stream(count: int, seed: int = 3) -> list[str]:
    """Of ten shops, one of which sends half of it all."""
    draw = random.Random(seed)
    return ["flood" if draw.random() < 0.5 else f"s{draw.randrange(9)}" for _ in range(count)]


def event(offset: int, shop: str, label: float = 1.0) -> LoggedEvent:
    body = json.dumps({"features": {"x": 1.0, "shop": shop}, "label": label}).encode()
    return LoggedEvent(offset, f"e{offset}", time_ns=offset, received_ns=offset, body=body)


def taken(learning: Learning, shops: Sources, start: int = 0) -> list[Refused]:
    return learning.take([event(start + n, shop) for n, shop in enumerate(shops)])


def test_of_any_examples_learned_in_a_row_a_source_has_its_share_at_most() -> None:
    chosen = learned(cap(), stream(2_000))

    rows = [chosen[start : start + 20] for start in range(len(chosen) - 19)]
    assert max(Counter(row).most_common(1)[0][1] for row in rows) == 4
    # The others are learned, and the flood has its share.
    assert 0.15 < chosen.count("flood") / len(chosen) <= 0.2


def test_a_source_alone_waits_for_others() -> None:
    by = cap()

    assert learned(by, ["a"] * 50) == ["a"] * 4
    assert learned(by, ["b", "a", "c", "d", "a"]) == ["b", "c", "d"]


def test_rows_without_a_source_are_one_source() -> None:
    by = cap()
    for _ in range(4):
        assert not by.refusal(example(None))
        by.take(example(None))

    assert by.refusal(example(None)) == "sources: shop none has had its share, 0.2 of the last 20 learned"
    assert not by.refusal(example("none"))


def test_an_example_counts_by_its_weight() -> None:
    by = cap()

    assert by.refusal(example("a", 4.001))
    assert by.refusal(example("a", 1e300))
    assert not by.refusal(example("a", 4.0))
    by.take(example("a", 3.5))
    assert by.refusal(example("a", 0.6))
    assert not by.refusal(example("a", 0.5))


@pytest.mark.parametrize("cut", [0, 1, 19, 20, 21, 150])
def test_it_goes_on_from_its_units_as_if_never_stopped(cut: int) -> None:
    shops = stream(400)
    whole, first = cap(), cap()
    chosen = learned(whole, shops)
    before = learned(first, shops[:cut])
    units = dict(first.changes().changed)

    second = cap(units=units)
    after = learned(second, shops[cut:])

    assert before + after == chosen
    delta = second.changes()
    units = {n: unit for n, unit in (units | delta.changed).items() if n not in delta.dropped}
    assert units == whole.changes().changed


def test_a_version_stores_what_was_learned_since_and_drops_as_much() -> None:
    by = cap()
    learned(by, [f"s{n}" for n in range(30)])
    assert by.changes().changed.keys() == {0, *range(11, 31)}

    learned(by, ["a", "b"])

    delta = by.changes()
    assert (delta.changed.keys(), delta.dropped) == ({0, 31, 32}, {11, 12})
    assert not by.changes()


def test_what_waits_in_a_mini_batch_counts_and_is_stored_only_once_learned() -> None:
    by = cap()
    assert learned(by, ["a"] * 9, at_once=3) == ["a"] * 4

    stored = cap(units=dict(by.changes().changed))
    by.give_back()

    assert learned(stored, ["a"] * 5) == ["a"]
    assert learned(by, ["a"] * 5) == ["a"]


def test_what_is_given_back_makes_room_for_nobody() -> None:
    by = cap()
    learned(by, ["first", *["a"] * 4, *(f"s{n}" for n in range(15))])
    for shop in ("x", "y"):
        by.take(example(shop))

    by.give_back()

    assert learned(by, ["a"]) == []


def test_another_feature_begins_anew_and_more_or_less_keeps_the_newest() -> None:
    by = cap()
    learned(by, ["a"] * 4)
    units = dict(by.changes().changed)

    other = cap(spec("{feature: x, share: 20%, over: 20}"), units)

    assert not other.refusal(example("a"))
    assert cap(spec("{feature: shop, share: 20%, over: 25}"), units).refusal(example("a")) == ""
    assert cap(spec("{feature: shop, share: 40%, over: 10}"), units).refusal(example("a"))
    delta = other.changes()
    assert (delta.changed.keys(), delta.dropped) == ({0}, {1, 2, 3, 4})


def test_units_of_something_else_are_refused() -> None:
    for units in ({0: b"\x01"}, {1: b"\x92\xc4\x00\x01"}):
        with pytest.raises(InvalidInput, match="sources"):
            cap(units=units)


def test_what_is_over_the_share_is_set_aside_with_the_reason_and_neither_judged_nor_learned() -> None:
    class Heard:
        def __init__(self) -> None:
            self.count = 0

        def score(self, joined, newest) -> None:
            self.count += 1

    heard = Heard()
    before = metrics.OVER_SHARE.labels("toy")._value.get()
    of = spec()
    learning = Learning(of, build_learner(of), offsets={0: 0}, judges=Judges([heard], sources=cap(of)))

    refused = taken(learning, ["a"] * 6 + ["b"])

    assert [one.event.offset for one in refused] == [4, 5]
    assert refused[0].reason == "sources: shop 'a' has had its share, 0.2 of the last 20 learned"
    assert (learning.progress.examples, learning.offsets, heard.count) == (5, {0: 7}, 5)
    assert metrics.OVER_SHARE.labels("toy")._value.get() == before + 2


def test_a_mini_batch_that_cannot_be_learned_uses_up_nobodys_share() -> None:
    of = spec()
    learning = Learning(of, BatchLearner(), offsets={0: 0}, judges=Judges(sources=cap(of)))

    refused = learning.take([event(0, "a"), event(1, "a"), event(2, "a", label=13.0)])
    refused += taken(learning, ["a", "a", "a"], start=3)

    assert [one.event.offset for one in refused] == [0, 1, 2]
    assert learning.progress.examples == 3


def test_a_poisoned_event_uses_up_nobodys_share_either() -> None:
    of = spec()
    learning = Learning(of, BatchLearner(), offsets={0: 0}, judges=Judges(sources=cap(of)))

    learning.take([event(0, "a"), event(1, "a"), event(2, "a")], {2: "it ends trainers"})

    assert taken(learning, ["a", "a", "a"], start=3) == []
    assert learning.progress.examples == 3


def test_a_share_is_of_at_least_one_example() -> None:
    with pytest.raises(ValueError, match="less than one example of 10"):
        SourcesSpec(feature="shop", share="5%", over=10)
