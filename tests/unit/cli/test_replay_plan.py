"""Options of a replay: what goes with what."""

from __future__ import annotations

import pytest

from riverrun.cli.replay.columns import Columns
from riverrun.cli.replay.datasets import DATASETS
from riverrun.cli.replay.pace import Pace
from riverrun.cli.replay.plan import Given, plan
from riverrun.core.errors import InvalidInput


def test_a_data_set_knows_its_columns() -> None:
    columns, pace = plan(Given(), DATASETS["flights"])

    assert columns == Columns("late", time="time", label_time="landed", id="id")
    assert pace == Pace()


def test_a_delay_replaces_the_label_times_of_a_data_set() -> None:
    columns, _ = plan(Given(delay="2h"), DATASETS["flights"])

    assert (columns.label_time, columns.delay_s) == (None, 7200)


def test_a_rate_without_times_gives_rows_a_time() -> None:
    columns, pace = plan(Given(label="y", rate="50/s", delay="10s"), None)

    assert (columns.row_s, columns.delay_s) == (0.02, 10)
    assert pace == Pace(time_per_s=1.0)


def test_a_rate_with_times_paces_the_rows_alone() -> None:
    columns, pace = plan(Given(label="y", time="at", rate="50"), None)

    assert columns.row_s == 0
    assert pace == Pace(rows_per_s=50)
    assert pace.batch(32) == 1
    assert pace.due_s(event_s=1e6, rows=100) == 2.0


def test_a_speed_up_maps_event_time_to_the_clock() -> None:
    _, pace = plan(Given(label="y", time="at", speed_up="1000x"), None)

    assert pace.due_s(event_s=5000, rows=0) == 5.0
    assert pace.tick_s == pytest.approx(20)


def test_features_are_named_by_commas() -> None:
    assert plan(Given(label="y", features="a, b,c"), None)[0].features == ("a", "b", "c")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (Given(), "--label"),
        (Given(label="y", rate="1", speed_up="2"), "--speed-up"),
        (Given(label="y", time="t", delay="1s", label_time="k"), "--delay"),
        (Given(label="y", speed_up="2x"), "--speed-up"),
        (Given(label="y", label_time="k"), "--label-time"),
        (Given(label="y", delay="1s"), "--delay"),
        (Given(label="y", time="t", delay="soon"), "--delay"),
        (Given(label="y", rate="fast"), "--rate"),
        (Given(label="y", rate="0"), "--rate"),
        (Given(label="y", time="t", speed_up="-1"), "--speed-up"),
    ],
)
def test_what_does_not_go_together_is_named(given: Given, field: str) -> None:
    with pytest.raises(InvalidInput) as found:
        plan(given, None)

    assert found.value.field == field
