"""What verbs say they did, and what undoes it."""

from __future__ import annotations

from riverrun.cli.outcomes import applied_outcome, moved_outcome, policy_outcome, reset_outcome, words
from riverrun.client.answers import Applied, ChannelMoved, PolicyChanged, WasReset
from riverrun.core.versions import Channel, Line, ModelInfo

SPEC = "name: m\ntask: binary\nmodel: [linear_model.LogisticRegression]\npublish: {every: 1s}\n"


def model(spec: str = SPEC, revision: int = 1, lines: int = 1) -> ModelInfo:
    numbers = range(1, lines + 1)
    return ModelInfo("m", spec, revision, tuple(Line(n, 0, 0, b"") for n in numbers), ())


def live(version: int, generation: int, follows: int | None) -> Channel:
    return Channel("live", generation, version, follows)


def test_a_rollback_is_undone_by_resume() -> None:
    outcome = moved_outcome(ChannelMoved("m", live(3, 8, None), live(9, 7, 1)))

    assert words(outcome) == ["m: live 3 (held), was 9 (line 1)", "undo: riverrun resume m"]


def test_a_second_rollback_is_undone_by_a_pin() -> None:
    outcome = moved_outcome(ChannelMoved("m", live(2, 9, None), live(3, 8, None)))

    assert outcome["undo"] == "riverrun pin m 3"


def test_a_resume_and_a_promotion_are_undone_by_a_pin() -> None:
    resumed = moved_outcome(ChannelMoved("m", live(9, 9, 1), live(3, 8, None)))
    promoted = moved_outcome(ChannelMoved("m", live(12, 9, 2), live(9, 8, 1)))

    assert resumed["undo"] == "riverrun pin m 3"
    assert promoted["undo"] == "riverrun pin m 9"


def test_another_channel_is_named_in_what_undoes_it() -> None:
    now, before = Channel("frozen", 3, 4, None), Channel("frozen", 2, 9, 1)

    assert moved_outcome(ChannelMoved("m", now, before))["undo"] == "riverrun resume m --channel frozen"


def test_a_move_to_where_it_is_says_that_nothing_changed() -> None:
    outcome = moved_outcome(ChannelMoved("m", live(3, 8, None), live(3, 8, None)))

    assert words(outcome) == ["m: live 3 (held) already: nothing changed"]


def test_a_rollback_with_reset_says_where_learning_goes_on() -> None:
    outcome = moved_outcome(ChannelMoved("m", live(3, 8, None), live(9, 7, 1), Line(2, 3, 0, b"")))

    assert "learning goes on from version 3 in line 2" in outcome["did"]


def test_a_reset_is_undone_by_a_reset_to_the_head_before() -> None:
    outcome = reset_outcome(WasReset("m", Line(2, 3, 0, b""), 3, 9))

    assert outcome["undo"] == "riverrun reset m --to 9 --skip"


def test_policies_are_undone_by_their_former_values() -> None:
    before = {"publish.every": "1s", "sync.min_interval": None, "publish.continuous": True}
    after = {"publish.every": "5s", "sync.min_interval": "1s", "publish.continuous": None}
    outcome = policy_outcome(PolicyChanged(model(), before, after))

    assert (
        outcome["undo"]
        == "riverrun policy set m publish.every=1s sync.min_interval=null publish.continuous=true"
    )


def test_a_new_model_is_undone_by_deleting_it() -> None:
    assert applied_outcome(Applied(model(), True, None))["undo"] == "riverrun delete m"


def test_a_changed_policy_is_undone_by_setting_it_back() -> None:
    changed = model(SPEC.replace("1s", "5s"), revision=2)

    assert (
        applied_outcome(Applied(changed, False, model()))["undo"] == "riverrun policy set m publish.every=1s"
    )


def test_another_model_says_where_it_learns() -> None:
    outcome = applied_outcome(Applied(model(revision=2, lines=2), True, model()))

    assert "in line 2 on candidate" in outcome["did"]
    assert "riverrun promote m" in outcome["undo"]


def test_the_same_spec_again_says_that_nothing_changed() -> None:
    assert words(applied_outcome(Applied(model(), False, model()))) == [
        "m has this spec already: nothing changed"
    ]
