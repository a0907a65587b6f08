"""The record of a model over real gRPC: what moved and why, durable, and proven at the next start."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from riverrun_param_server import journal
from riverrun_param_server.examination import examine
from riverrun_param_server.settings import ParamServerSettings

from riverrun.core.errors import InvalidInput, StaleBase
from riverrun.core.journal import MAX_REASON, JournalRecord
from tests.integration.param_server.param_stack import SPEC, Stack, Units, stack_over
from tests.integration.param_server.test_steering import push_versions


async def records(stack: Stack, **options: int) -> list[tuple[str, str, int, int, str]]:
    found = await stack.client.list_records("flights", **options)
    return [(one.kind, one.channel, one.version, one.previous, one.reason) for one in found]


async def test_every_move_by_hand_is_in_the_record_with_its_reason(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    await push_versions(stack, Units(), count=3)

    await stack.client.set_channel("flights", "live", hold_version=1, reason="users complain")
    await stack.client.set_channel("flights", "live", hold_here=True, mark_good=True, reason="it is fine")
    await stack.client.set_channel("flights", "live", follow=True)
    await stack.client.set_channel("flights", "blue", hold_version=2)
    await stack.client.set_channel("flights", "blue", remove=True)
    await stack.client.reset("flights", 2, replay=False, reason="bad labels")

    assert await records(stack) == [
        ("learning.reset", "", 2, 3, "bad labels"),
        ("channel.removed", "blue", 2, 2, ""),
        ("channel.held", "blue", 2, 0, ""),
        ("channel.follows", "live", 3, 1, ""),
        ("version.good", "live", 1, 1, "it is fine"),
        ("channel.held", "live", 1, 3, "users complain"),
        ("spec.registered", "", 0, 0, ""),
    ]
    newest = (await stack.client.list_records("flights", limit=1))[0]
    assert newest.number == 7
    assert newest.time_ns > 0
    assert newest.facts == {
        "closed_line": 1,
        "skipped": [{"stream": "examples", "partition": 0, "start": 20, "end": 30}],
    }


async def test_a_page_begins_below_the_record_that_is_named(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    await push_versions(stack, Units(), count=2)
    for version in (1, 2, 1):
        await stack.client.set_channel("flights", "live", hold_version=version)

    page = await stack.client.list_records("flights", limit=2, before=4)

    assert [one.number for one in page] == [3, 2]


async def test_what_changes_nothing_or_is_refused_leaves_no_record(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    await push_versions(stack, Units(), count=1)
    await stack.client.set_channel("flights", "live", hold_here=True)
    before = await records(stack)

    await stack.client.set_channel("flights", "live", hold_here=True)
    await stack.client.register_model(SPEC)
    with pytest.raises(StaleBase):
        await stack.client.set_channel("flights", "live", hold_version=1, base_generation=99)

    assert await records(stack) == before


async def test_the_record_is_there_after_a_restart_and_goes_on(
    settings: ParamServerSettings,
) -> None:
    async with stack_over(settings) as stack:
        await stack.client.register_model(SPEC)
        await push_versions(stack, Units(), count=1)
        await stack.client.set_channel("flights", "live", hold_here=True, reason="before")
    async with stack_over(settings) as stack:
        await stack.client.set_channel("flights", "live", follow=True, reason="after")

        assert [reason for *_, reason in await records(stack)] == ["after", "before", ""]
    assert examine(settings.data).ok


async def test_only_the_newest_records_stay(settings: ParamServerSettings, monkeypatch) -> None:
    monkeypatch.setattr(journal, "KEEP", 3)
    async with stack_over(settings) as stack:
        await stack.client.register_model(SPEC)
        await push_versions(stack, Units(), count=2)
        for version in (1, 2, 1, 2):
            await stack.client.set_channel("flights", "live", hold_version=version)

        assert [one.number for one in await stack.client.list_records("flights")] == [5, 4, 3]
    assert examine(settings.data).ok


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ("UPDATE journal SET body = X'80' WHERE number=2", "record 2 of model flights"),
        ("DELETE FROM journal WHERE number=2", "record 3 of model flights"),
        ("DELETE FROM journal WHERE number=3", "newest record of model flights"),
        ("UPDATE journal SET model=9 WHERE number=3", "newest record of model flights"),
    ],
)
async def test_a_damaged_or_lost_record_is_found(
    settings: ParamServerSettings, damage: str, named: str
) -> None:
    async with stack_over(settings) as stack:
        await stack.client.register_model(SPEC)
        await push_versions(stack, Units(), count=1)
        await stack.client.set_channel("flights", "live", hold_here=True)
        await stack.client.set_channel("flights", "live", follow=True)
    assert examine(settings.data).ok
    _run(settings.data / "params.sqlite", damage)

    found = examine(settings.data).damage

    assert [one.what.partition(" in ")[0] for one in found] == [named]


def test_facts_are_bounded_and_a_reason_is_cut() -> None:
    assert len(JournalRecord(kind="x", reason="y" * 5000).checked().reason) == MAX_REASON
    with pytest.raises(InvalidInput, match="facts"):
        JournalRecord(kind="x", facts={"a": "b" * 20_000}).checked()


def _run(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()
