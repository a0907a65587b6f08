"""In which order a replay predicts and tells: for any rows, labels, delays and lots."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from riverrun.cli.replay.columns import ReplayRow
from riverrun.cli.replay.schedule import Step, steps


def row(number: int, at: float, known_at: float | None = None, label: bool | None = True) -> ReplayRow:
    return ReplayRow(number, {"x": 1.0}, label, at, at if known_at is None else known_at)


def numbers(planned: list[Step]) -> list[tuple[list[int], list[int]]]:
    return [([r.number for r in step.predict], [r.number for r in step.learn]) for step in planned]


def test_without_delay_a_row_is_learned_before_the_next_is_predicted() -> None:
    planned = list(steps([row(n, n) for n in (1, 2, 3)], batch=1))

    assert numbers(planned) == [([1], [1]), ([2], [2]), ([3], [3])]


def test_rows_of_one_lot_are_predicted_together_and_then_learned() -> None:
    planned = list(steps([row(n, n) for n in (1, 2, 3)], batch=2))

    assert numbers(planned) == [([1, 2], [1, 2]), ([3], [3])]


def test_a_label_waits_until_it_is_known() -> None:
    rows = [row(1, 0, known_at=25), row(2, 10, known_at=12), row(3, 20), row(4, 30)]

    assert numbers(list(steps(rows, batch=1))) == [([1], []), ([2], []), ([3], [2, 3]), ([4], [1, 4])]


def test_labels_after_the_last_row_are_told_too_in_order() -> None:
    rows = [row(1, 0, known_at=90), row(2, 1, known_at=50)]

    assert numbers(list(steps(rows, batch=8))) == [([1, 2], []), ([], [2]), ([], [1])]


def test_a_row_without_label_is_predicted_alone() -> None:
    assert numbers(list(steps([row(1, 0, label=None)], batch=8))) == [([1], [])]


def test_with_a_pace_labels_come_between_two_rows() -> None:
    rows = [row(1, 0, known_at=5), row(2, 0, known_at=5.05), row(3, 100)]

    planned = list(steps(rows, batch=8, tick_s=0.1))

    assert numbers(planned) == [([1, 2], []), ([], [1, 2]), ([3], [3])]
    assert [step.at for step in planned] == [0, 5.1, 100]


ROWS = st.lists(st.tuples(st.floats(0, 50), st.floats(0, 200), st.booleans()), max_size=60)


@given(ROWS, st.integers(1, 8), st.one_of(st.none(), st.floats(0.01, 20)))
def test_nothing_is_told_before_it_is_known_and_nothing_is_forgotten(
    given_rows: list[tuple[float, float, bool]], batch: int, tick_s: float | None
) -> None:
    at = 0.0
    rows = []
    for number, (gap, delay, labelled) in enumerate(given_rows):
        at += gap
        rows.append(row(number, at, at + delay, True if labelled else None))

    planned = list(steps(rows, batch=batch, tick_s=tick_s))

    predicted: list[int] = []
    learned: list[int] = []
    for step in planned:
        assert len(step.predict) <= batch
        predicted += [r.number for r in step.predict]
        for told in step.learn:
            assert told.number in predicted
            assert told.known_at <= step.at
        learned += [r.number for r in step.learn]
        if tick_s is not None and step.predict:
            assert step.predict[-1].at - step.predict[0].at <= tick_s
    assert predicted == [r.number for r in rows]
    assert sorted(learned) == [r.number for r in rows if r.label is not None]
    assert [step.at for step in planned] == sorted(step.at for step in planned)
