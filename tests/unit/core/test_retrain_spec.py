"""What a spec may say of retrains, and how wrong ones are refused."""

from __future__ import annotations

import datetime

import pytest

from riverrun.core.errors import InvalidSpec
from riverrun.core.spec import parse_spec

MODEL = "{name: toy, task: binary, model: [linear_model.LogisticRegression], retrain: %s}"


def test_without_a_word_of_it_a_retrain_learns_the_whole_log_and_must_be_better() -> None:
    retrain = parse_spec(MODEL % "{}").retrain

    assert (retrain.warm, retrain.history.last, retrain.history.files) == (False, None, ())
    assert (retrain.take_over.when, retrain.take_over.examples) == ("better", 500)


def test_it_is_a_policy_and_no_part_of_the_models_identity() -> None:
    assert parse_spec(MODEL % "{caught_up: 5}").digest() == parse_spec(MODEL % "{}").digest()


def test_files_come_with_the_time_up_to_which_they_go() -> None:
    retrain = parse_spec(MODEL % "{history: {files: [a.parquet], until: '2026-01-01T00:00:00Z'}}").retrain

    assert retrain.history.files == ("a.parquet",)
    assert retrain.history.until == datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("retrain", "said"),
    [
        ("{history: {files: [a.parquet]}}", "retrain.history.until: goes with files"),
        ("{history: {until: '2026-01-01T00:00:00Z'}}", "retrain.history.until: goes with files"),
        ("{history: {files: [a], until: '2026-01-01'}}", "a time with a zone"),
        ("{history: {files: [a], until: soon}}", "a time with a zone"),
        (
            "{history: {files: [a], until: '2026-01-01T00:00:00Z', last: 1d}}",
            "retrain.history.last: goes without",
        ),
        ("{history: {label: y}}", "retrain.history.label: goes with files"),
        ("{warm: true}", "retrain.warm: needs files"),
        ("{take_over: {when: maybe}}", "retrain.take_over.when"),
        ("{take_over: {alpha: 0}}", "retrain.take_over.alpha"),
        ("{cool_down: 5}", "retrain.cool_down"),
        ("{speed: 5}", "retrain.speed"),
    ],
)
def test_what_is_wrong_is_named(retrain: str, said: str) -> None:
    with pytest.raises(InvalidSpec, match=said.replace(".", r"\.")):
        parse_spec(MODEL % retrain)
