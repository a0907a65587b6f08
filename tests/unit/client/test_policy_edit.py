"""Policies change in the text of a spec, and nothing else does."""

from __future__ import annotations

import pytest

from riverrun.client.policy_edit import parse_value, policies, with_policies
from riverrun.core.errors import InvalidInput
from riverrun.core.spec import parse_spec

SPEC = """\
# fraud, as agreed in May
name: fraud   # never rename
task: binary
model:
  - preprocessing.StandardScaler   # scaled
  - linear_model.LogisticRegression: {optimizer: {optim.SGD: {lr: 0.05}}}
features: {a: float, b: "category"}
publish: {every_events: 10, every: 1s}
sync:
    mode: watch   # at once
"""


def changed_lines(before: str, after: str) -> list[str]:
    return [line for line in after.splitlines() if line not in before.splitlines()]


def test_one_key_changes_one_line() -> None:
    text, before = with_policies(SPEC, {"publish.every_events": 20})

    assert before == {"publish.every_events": 10}
    assert changed_lines(SPEC, text) == ["publish: {every_events: 20, every: 1s}"]
    assert parse_spec(text).publish.every_events == 20


def test_comments_quotes_and_indents_stay() -> None:
    text, _ = with_policies(SPEC, {"sync.min_interval": "1s"})

    assert changed_lines(SPEC, text) == ["    min_interval: 1s"]


def test_none_removes_a_key_and_the_section_that_it_empties() -> None:
    text, before = with_policies(SPEC, {"publish.every": None, "publish.every_events": None, "sync.x": None})

    assert before == {"publish.every": "1s", "publish.every_events": 10, "sync.x": None}
    assert "publish" not in text


def test_a_section_that_was_not_there_is_made() -> None:
    text, before = with_policies(SPEC, {"label.window": "48h"})

    assert before == {"label.window": None}
    assert parse_spec(text).label.window == 48 * 3600


def test_setting_back_what_was_before_restores_the_meaning() -> None:
    changes = {"publish.every": "5s", "publish.every_events": None, "sync.min_interval": "2s"}
    text, before = with_policies(SPEC, changes)
    restored, _ = with_policies(text, before)

    assert policies(restored) == policies(SPEC)
    assert parse_spec(restored) == parse_spec(SPEC)


def test_policies_are_listed_flat() -> None:
    assert policies(SPEC) == {"publish.every_events": 10, "publish.every": "1s", "sync.mode": "watch"}


@pytest.mark.parametrize(
    "key", ["model", "features.a", "name", "label.type", "label", "publish.", "sync..x", ""]
)
def test_a_key_that_is_no_policy_is_refused(key: str) -> None:
    with pytest.raises(InvalidInput, match="not a policy"):
        with_policies(SPEC, {key: 1})


@pytest.mark.parametrize(
    ("text", "value"),
    [("10", 10), ("1s", "1s"), ("null", None), ("true", True), ("[A, B]", ["A", "B"]), ("20%", "20%")],
)
def test_values_are_read_as_yaml(text: str, value: object) -> None:
    assert parse_value(text) == value


def test_what_is_no_yaml_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not YAML"):
        parse_value("[1,")
