"""What starting and ending an experiment does, decided on a record alone; the service is in integration."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from riverrun_param_server.experiments.changes import (
    KEPT,
    check_winner,
    end,
    move_due,
    start,
    stop_arm,
)
from riverrun_param_server.records import LineRecord, ModelRecord, decode_record, encode_record

from riverrun.core.errors import AlreadyExists, InvalidInput, NotFound, NotReady
from riverrun.core.experiments import Arm, Experiment, Guardrail, Judged, Pace
from riverrun.core.spec import parse_spec
from riverrun.core.versions import Channel

SECOND = 10**9
NOW = 1_700_000_000 * SECOND

SPEC_TEXT = """\
name: flights
task: binary
model: [linear_model.LogisticRegression]
features: {distance: float}
label: {window: 1h}
"""
SPEC = parse_spec(SPEC_TEXT)
REGRESSION = parse_spec(
    SPEC_TEXT.replace("binary", "regression").replace("LogisticRegression", "LinearRegression")
)

LIVE, CANDIDATE, EMPTY = Channel("live", 5, 9, 1), Channel("candidate", 3, 7, 2), Channel("empty", 1, 0, 2)


def a_record(*experiments: Experiment) -> ModelRecord:
    lines = (LineRecord(1, b"", b"", head=9), LineRecord(2, b"", b"", head=7))
    channels = (CANDIDATE, EMPTY, LIVE)
    return ModelRecord(
        1, "flights", b"", 1, 0, next_version=10, lines=lines, channels=channels, experiments=experiments
    )


def a_plan(**other: Any) -> Experiment:
    arms = (
        Arm("now", 0.5, "live"),
        Arm("hourly", 0.25, "", Pace.EVERY, 3600.0),
        Arm("old", 0.25, "", Pace.FROZEN),
    )
    return replace(Experiment("pace", arms), **other)


def started(**other: Any) -> ModelRecord:
    return start(a_record(), SPEC, a_plan(**other), NOW).record


def test_arms_of_a_pace_get_channels_of_their_own_where_live_is() -> None:
    change = start(a_record(), SPEC, a_plan(), NOW)

    assert change.made == ("pace-hourly", "pace-old")
    assert [change.record.channel(name) for name in change.made] == [
        Channel("pace-hourly", 1, 9, None),
        Channel("pace-old", 1, 9, None),
    ]
    assert [arm.channel for arm in change.experiment.arms] == ["live", "pace-hourly", "pace-old"]
    assert change.record.running_experiment == change.experiment


def test_a_record_with_an_experiment_comes_back_as_it_was() -> None:
    record = started(guardrails=(Guardrail(Judged.HARM, 0.1, "old"),))

    body, _ = encode_record(record)

    assert decode_record(body) == record


def test_the_same_start_again_changes_nothing() -> None:
    record = started()

    again = start(record, SPEC, a_plan(), NOW + SECOND)

    assert again.record == record
    assert again.made == ()


def test_a_model_runs_one_experiment_at_a_time() -> None:
    with pytest.raises(AlreadyExists, match="running experiment 'pace'"):
        start(started(), SPEC, a_plan(name="other"), NOW)


def test_a_name_is_not_used_again_while_the_first_of_that_name_is_kept() -> None:
    record = end(started(), "pace", NOW).record

    with pytest.raises(AlreadyExists, match="experiment 'pace'"):
        start(record, SPEC, a_plan(), NOW)


def test_only_the_newest_are_kept() -> None:
    record = a_record()
    for number in range(KEPT + 2):
        record = start(record, SPEC, a_plan(name=f"e{number}"), NOW).record
        record = end(record, f"e{number}", NOW).record

    assert [one.name for one in record.experiments] == [f"e{number}" for number in range(2, KEPT + 2)]


@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({"name": "No"}, "name"),
        ({"arms": (Arm("a", 1.0, "live"),)}, "arms"),
        ({"arms": (Arm("a", 0.5, "live"), Arm("a", 0.5, "live"))}, "arms.1.name"),
        ({"arms": (Arm("a", 0.5, "live"), Arm("b", 0.6, "live"))}, "arms"),
        ({"arms": (Arm("a", 0.5, "live"), Arm("b", 0.0, "live"))}, "arms.1.share"),
        ({"arms": (Arm("a", 0.5, "live"), Arm("b", 0.5, "", Pace.EVERY, 0.5))}, "arms.1.every"),
        ({"alpha": 0.5}, "alpha"),
        ({"scale": 2.0}, "scale"),
        ({"scale": float("nan")}, "scale"),
        ({"guardrails": (Guardrail(Judged.LOSS, 1.0),)}, "guardrails.0.above"),
        ({"guardrails": (Guardrail(Judged.LOSS, 0.5, "nobody"),)}, "guardrails.0.arm"),
        ({"guardrails": (Guardrail(Judged.HARM, 0.5, "now"),)}, "guardrails.0.arm"),
    ],
)
def test_what_is_wrong_with_a_plan_is_named(other: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        start(a_record(), SPEC, a_plan(**other), NOW)

    assert raised.value.field == field


def test_a_regression_needs_the_scale_of_its_errors() -> None:
    with pytest.raises(InvalidInput, match="scale: is required for task regression"):
        start(a_record(), REGRESSION, a_plan(), NOW)


def test_results_need_labels_that_are_joined() -> None:
    spec = parse_spec(SPEC_TEXT.replace("label: {window: 1h}\n", ""))

    with pytest.raises(InvalidInput, match=r"expected a spec with label\.window"):
        start(a_record(), spec, a_plan(), NOW)


@pytest.mark.parametrize(("channel", "error"), [("nobody", NotFound), ("empty", NotReady)])
def test_an_arm_names_a_channel_that_has_a_version(channel: str, error: type[Exception]) -> None:
    arms = (Arm("a", 0.5, "live"), Arm("b", 0.5, channel))

    with pytest.raises(error, match=channel):
        start(a_record(), SPEC, a_plan(arms=arms), NOW)


def test_the_end_takes_away_the_channels_that_were_made_and_no_others() -> None:
    change = end(started(), "pace", NOW + SECOND, reason="enough")

    assert [channel.name for channel in change.record.channels] == ["candidate", "empty", "live"]
    assert change.record.running_experiment is None
    assert (change.experiment.ended_ns, change.experiment.end_reason) == (NOW + SECOND, "enough")


def test_an_experiment_that_has_ended_stays_as_it_is() -> None:
    record = end(started(), "pace", NOW, reason="enough").record

    assert end(record, "pace", NOW + SECOND, reason="again").record == record


def test_a_stopped_arm_loses_its_channel_and_the_others_go_on() -> None:
    change = stop_arm(started(), "pace", "old", NOW + SECOND, reason="it harms")

    assert change.experiment.is_running
    assert [arm.is_stopped for arm in change.experiment.arms] == [False, False, True]
    assert change.record.channel("pace-old") is None
    assert change.record.channel("pace-hourly") is not None
    assert stop_arm(change.record, "pace", "old", NOW + 2 * SECOND, reason="x").record == change.record


@pytest.mark.parametrize("arms", [("now",), ("hourly", "old")])
def test_the_whole_ends_where_nothing_is_left_to_compare(arms: tuple[str, ...]) -> None:
    record = started()
    for arm in arms:
        record = stop_arm(record, "pace", arm, NOW, reason="it harms").record

    assert record.running_experiment is None
    assert record.experiments[0].end_reason == f"arm {arms[-1]} was stopped: it harms"
    assert len(record.channels) == 3


def test_an_arm_is_moved_to_live_once_each_interval() -> None:
    record = started()
    record = record.with_channel(replace(LIVE, version=12, generation=6))
    hour = 3600 * SECOND

    def look(after_ns: int) -> list[str]:
        nonlocal record
        experiment = record.running_experiment
        assert experiment is not None
        record, moved = move_due(record, experiment, NOW + after_ns)
        return moved

    assert look(hour - 1) == []
    assert look(2 * hour + 7) == ["pace-hourly"]
    assert record.channel("pace-hourly") == Channel("pace-hourly", 2, 12, None)
    assert record.channel("pace-old") == Channel("pace-old", 1, 9, None)
    record = record.with_channel(replace(LIVE, version=13, generation=7))
    assert look(3 * hour - 1) == []
    assert look(3 * hour) == ["pace-hourly"]


def test_a_stopped_arm_cannot_win() -> None:
    record = stop_arm(started(), "pace", "old", NOW, reason="it harms").record

    with pytest.raises(InvalidInput, match="arm: expected an arm that runs, old was stopped: it harms"):
        check_winner(record, "pace", "old")


def test_an_experiment_that_was_stopped_has_no_winner() -> None:
    record = end(started(), "pace", NOW).record

    with pytest.raises(InvalidInput, match="pace has ended: it was stopped"):
        check_winner(record, "pace", "old")
