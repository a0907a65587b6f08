"""A bound of a metric over windows, with as many windows to come back as to leave."""

from __future__ import annotations

from riverrun.core.predictions import Prediction
from riverrun.evaluation.gate.bound import Bound, BoundWatch
from riverrun.evaluation.prequential import Prequential


class Share:
    """The share of answers that were right."""

    requires_labels = True

    def __init__(self) -> None:
        self.right = self.all = 0

    def update(self, y_true: bool, y_pred: bool) -> None:
        self.right += y_true == y_pred
        self.all += 1

    def get(self) -> float:
        return self.right / self.all if self.all > 1 else float("nan")


def watch(windows: int = 2, over: int = 10) -> BoundWatch:
    bound = Bound(lambda value: value < 0.5, over, windows)
    return BoundWatch(bound, "share", lambda: Prequential({"share": Share()}))


def feed(watched: BoundWatch, right: bool, count: int) -> None:
    for _ in range(count):
        watched.update(True, Prediction(right))


def test_one_window_beyond_is_no_case_and_two_on_end_are() -> None:
    watched = watch()

    feed(watched, False, 10)
    assert not watched.is_breached
    feed(watched, True, 10)
    feed(watched, False, 19)
    assert not watched.is_breached
    feed(watched, False, 1)

    assert watched.is_breached
    assert watched.value == 0.0


def test_it_is_kept_again_after_as_many_windows_within() -> None:
    watched = watch()
    feed(watched, False, 20)

    feed(watched, True, 10)
    assert (watched.is_breached, watched.is_kept) == (False, False)
    feed(watched, True, 10)

    assert watched.is_kept


def test_a_window_without_a_value_counts_neither_way() -> None:
    watched = watch(over=1)

    feed(watched, False, 5)

    assert (watched.value, watched.is_breached, watched.is_kept) == (None, False, False)


def test_what_was_before_counts_nothing_once_it_starts_anew() -> None:
    watched = watch()
    feed(watched, False, 15)

    watched.start_anew()
    feed(watched, False, 19)

    assert not watched.is_breached
