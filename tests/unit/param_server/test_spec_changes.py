"""What a new spec does to a model's record."""

from __future__ import annotations

from dataclasses import replace

import pytest
from riverrun_param_server.records import ModelRecord
from riverrun_param_server.spec_changes import NewSpec, first_spec, next_spec

from riverrun.core.errors import StaleBase
from riverrun.core.versions import Channel

FIRST = NewSpec("m", b"text 1", b"digest 1")
POLICY = NewSpec("m", b"text 1, other policy", b"digest 1")
SECOND = NewSpec("m", b"text 2", b"digest 2")
THIRD = NewSpec("m", b"text 3", b"digest 3")


def registered() -> ModelRecord:
    return first_spec(FIRST, 1, 77).record


def test_first_spec_opens_line_one_that_live_follows() -> None:
    change = first_spec(FIRST, 1, 77)

    assert change.opened_line == 1
    assert change.record.channels == (Channel("live", 1, 0, 1),)
    assert change.record.spec_revision == 1


def test_the_same_spec_again_changes_nothing() -> None:
    assert next_spec(registered(), FIRST) is None


def test_a_change_of_policy_takes_effect_in_place() -> None:
    change = next_spec(registered(), POLICY)

    assert change is not None
    assert (change.opened_line, change.changed_lines) == (0, (1,))
    assert change.record.spec_revision == 2
    assert change.record.lines[0].spec_sha == POLICY.sha


def test_another_digest_opens_a_line_that_candidate_follows() -> None:
    change = next_spec(registered(), SECOND)

    assert change is not None
    assert change.opened_line == 2
    assert change.record.channel("candidate") == Channel("candidate", 1, 0, 2)
    assert change.record.channel("live") == Channel("live", 1, 0, 1)
    assert not any(line.closed for line in change.record.lines)


def test_a_third_digest_closes_the_line_that_waited() -> None:
    second = next_spec(registered(), SECOND)
    assert second is not None

    third = next_spec(second.record, THIRD)

    assert third is not None
    assert (third.opened_line, third.closed_lines) == (3, (2,))
    assert third.record.channel("candidate") == Channel("candidate", 2, 0, 3)
    waited = third.record.line(2)
    assert waited is not None
    assert (waited.closed, waited.successor) == (True, 3)


def test_going_back_to_the_live_digest_withdraws_the_candidate() -> None:
    second = next_spec(registered(), SECOND)
    assert second is not None

    back = next_spec(second.record, FIRST)

    assert back is not None
    assert (back.opened_line, back.closed_lines) == (0, (2,))
    assert back.record.channel("candidate") is None
    assert back.record.spec_sha == FIRST.sha


def test_another_base_revision_is_stale() -> None:
    with pytest.raises(StaleBase) as caught:
        next_spec(registered(), POLICY, base_revision=7)

    assert caught.value.current == 1


def test_registering_a_deleted_model_brings_it_back_on_its_line() -> None:
    deleted = replace(registered(), deleted_ns=5)

    back = next_spec(deleted, FIRST)

    assert back is not None
    assert back.record.deleted_ns == 0
    assert back.opened_line == 0


def test_a_purged_model_goes_on_above_all_its_old_numbers() -> None:
    record = replace(registered(), next_version=41).without_channel("live")
    purged = replace(record, lines=(), deleted_ns=5, generation_floor=33)

    back = next_spec(purged, FIRST)

    assert back is not None
    assert back.record.channel("live") == Channel("live", 34, 0, 2)
    assert (back.opened_line, back.record.next_version) == (2, 41)
