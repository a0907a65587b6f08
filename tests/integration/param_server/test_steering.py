"""Channels and lines over real gRPC: roll back, resume, promote, reset."""

from __future__ import annotations

import datetime

import pytest
from riverrun_param_server.settings import ParamServerSettings

from riverrun.core.errors import Fenced, InvalidInput, NotFound, NotReady, StaleBase
from riverrun.core.events import OffsetRange, Stream
from riverrun.core.versions import Channel
from riverrun.rpc.trainer_session import open_session
from riverrun.rpc.weights import Pushed
from tests.integration.param_server.param_stack import (
    OTHER_LINE,
    SPEC,
    Stack,
    Units,
    a_push,
    change,
    held_by,
    stack_over,
)

EXAMPLES = Stream.EXAMPLES


async def push_versions(
    stack: Stack, units: Units, *, count: int, line: int = 1, first_base: int = 0
) -> list[Pushed]:
    """`count` versions on a line, each ten examples further."""
    answers: list[Pushed] = []
    async with open_session(stack.client, "flights", line, "t") as session:
        base = first_base
        start = session.opened.positions.get(EXAMPLES, {}).get(0, 0)
        for n in range(count):
            push = a_push(
                units,
                base=base,
                epoch=session.opened.epoch,
                line=line,
                serving=change(0, n + 1, to=b"%d of line %d" % (n, line)),
                positions={EXAMPLES: {0: start + 10 * (n + 1)}},
            )
            answers.append(await stack.client.push(push))
            base = answers[-1].version
    return answers


async def live(stack: Stack) -> Channel:
    channel = (await stack.client.list_models())[0].channel("live")
    assert channel is not None
    return channel


async def test_rollback_holds_live_one_generation_forward_and_resume_follows_again(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    units = Units()
    await push_versions(stack, units, count=3)
    before = await live(stack)

    now, was = await stack.client.set_channel("flights", "live", hold_version=1)
    assert (now.version, now.held, was) == (1, True, before)
    assert now.generation == before.generation + 1
    (pushed,) = await push_versions(stack, units, count=1, first_base=3)
    assert (pushed.version, pushed.held, pushed.moved) == (4, True, ())
    assert (await live(stack)).version == 1
    resumed, _ = await stack.client.set_channel("flights", "live", follow=True)

    assert (resumed.version, resumed.follows) == (4, 1)
    assert resumed.generation == now.generation + 1
    assert held_by(await stack.client.pull("flights", channel="live")) == units.serving


async def test_rollback_without_a_target_goes_to_the_newest_good_version(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    units = Units()
    await push_versions(stack, units, count=2)
    with pytest.raises(NotFound, match="good version"):
        await stack.client.set_channel("flights", "live", hold_last_good=True)
    await stack.client.set_channel("flights", "live", hold_here=True, mark_good=True)
    await stack.client.set_channel("flights", "live", follow=True)
    await push_versions(stack, units, count=2, first_base=2)

    now, _ = await stack.client.set_channel("flights", "live", hold_last_good=True)

    assert now.version == 2
    assert [m.version for m in await stack.client.list_versions("flights") if m.good] == [2]


async def test_rollback_before_a_time_goes_to_the_version_of_then(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    await push_versions(stack, Units(), count=3)
    third = await stack.client.get_version("flights", 3)
    moment = datetime.datetime.fromtimestamp(third.created_ns // 1000 / 1e6, datetime.UTC)

    now, _ = await stack.client.set_channel("flights", "live", hold_before=moment)

    assert now.version == 2
    ages_ago = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
    with pytest.raises(NotFound):
        await stack.client.set_channel("flights", "live", hold_before=ages_ago)


async def test_a_change_of_features_waits_on_candidate_until_promoted(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    old, new = Units(), Units()
    await push_versions(stack, old, count=2)

    info, opened = await stack.client.register_model(OTHER_LINE)
    assert opened
    candidate = info.channel("candidate")
    assert candidate is not None
    assert (candidate.version, candidate.follows) == (0, 2)
    with pytest.raises(NotReady, match="line 2"):
        await stack.client.set_channel("flights", "live", follow_line=2)
    (pushed, _) = await push_versions(stack, new, count=2, line=2)
    assert [channel.name for channel in pushed.moved] == ["candidate"]
    assert held_by(await stack.client.pull("flights", channel="live")) == old.serving
    before = await live(stack)
    now, _ = await stack.client.set_channel("flights", "live", follow_line=2, mark_good=True)

    assert (now.version, now.follows, now.generation) == (4, 2, before.generation + 1)
    info = (await stack.client.list_models())[0]
    assert [line.closed for line in info.lines] == [True, False]
    assert [channel.name for channel in info.channels] == ["live"]
    pulled = await stack.client.pull("flights", channel="live")
    assert (held_by(pulled), pulled.spec_yaml, pulled.manifest.good) == (new.serving, OTHER_LINE, True)
    push = a_push(old, base=2, epoch=1, serving=change(0, to=b"late"))
    with pytest.raises(Fenced) as caught:
        await stack.client.push(push)
    assert caught.value.line == 2


async def test_reset_with_replay_goes_on_from_the_older_version_and_its_positions(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    units = Units()
    await push_versions(stack, units, count=2)
    at_two = units.copy()
    await push_versions(stack, units, count=2, first_base=2)
    before = await live(stack)

    line = await stack.client.reset("flights", 2, replay=True)

    assert (line.number, line.head, line.closed) == (2, 2, False)
    now = await live(stack)
    assert (now.version, now.follows, now.generation) == (2, 2, before.generation + 1)
    assert held_by(await stack.client.pull("flights", channel="live")) == at_two.serving
    async with open_session(stack.client, "flights", 2, "t") as session:
        opened = session.opened
    assert opened.head is not None
    assert (opened.head.version, opened.positions, opened.skipped) == (2, {EXAMPLES: {0: 20}}, ())
    (pushed,) = await push_versions(stack, at_two, count=1, line=2, first_base=2)
    manifest = await stack.client.get_version("flights", pushed.version)
    assert (manifest.version, manifest.parent, manifest.line, manifest.epoch) == (5, 2, 2, 2)
    assert (await live(stack)).version == 5
    assert held_by(await stack.client.pull("flights", channel="live")) == at_two.serving


async def test_reset_with_skip_keeps_todays_positions_and_names_what_is_left_out(
    settings: ParamServerSettings,
) -> None:
    units = Units()
    async with stack_over(settings) as stack:
        await stack.client.register_model(SPEC)
        await push_versions(stack, units, count=4)
        await stack.client.reset("flights", 1, replay=False)
    # What a reset decided is durable before the line's first push.
    async with stack_over(settings) as stack:
        async with open_session(stack.client, "flights", 2, "t") as session:
            opened = session.opened
        again = await stack.client.reset("flights", 2, replay=False)
        async with open_session(stack.client, "flights", again.number, "t") as session:
            from_two = session.opened

    assert opened.positions == {EXAMPLES: {0: 40}}
    assert opened.skipped == (OffsetRange(EXAMPLES, 0, 10, 40),)
    assert from_two.positions == {EXAMPLES: {0: 40}}
    assert from_two.skipped == (OffsetRange(EXAMPLES, 0, 20, 40),)


async def test_rollback_then_reset_then_resume_follows_the_new_line(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    units = Units()
    await push_versions(stack, units, count=1)
    at_one = units.copy()
    await push_versions(stack, units, count=2, first_base=1)

    await stack.client.set_channel("flights", "live", hold_version=1)
    line = await stack.client.reset("flights", 1, replay=True)
    assert (await live(stack)).held
    await push_versions(stack, at_one, count=1, line=line.number, first_base=1)
    resumed, _ = await stack.client.set_channel("flights", "live", follow=True)

    assert (resumed.version, resumed.follows) == (4, line.number)


async def test_channels_of_ones_own_are_made_moved_and_removed(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    units = Units()
    await push_versions(stack, units, count=2)

    made, _ = await stack.client.set_channel("flights", "slow", hold_version=1)
    followed, _ = await stack.client.set_channel("flights", "slow", follow_line=1)
    (pushed,) = await push_versions(stack, units, count=1, first_base=2)
    await stack.client.set_channel("flights", "slow", remove=True)
    remade, _ = await stack.client.set_channel("flights", "slow", hold_version=1)

    assert (made.version, followed.version) == (1, 2)
    assert [channel.name for channel in pushed.moved] == ["live", "slow"]
    assert remade.generation > pushed.moved[1].generation


async def test_moves_that_cannot_be_are_refused_and_change_nothing(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    with pytest.raises(NotReady):
        await stack.client.set_channel("flights", "live", hold_here=True)
    await push_versions(stack, Units(), count=2)
    before = await live(stack)

    with pytest.raises(NotFound, match="version '9'"):
        await stack.client.set_channel("flights", "live", hold_version=9)
    with pytest.raises(NotFound, match="channel 'nope'"):
        await stack.client.set_channel("flights", "nope", hold_here=True)
    with pytest.raises(InvalidInput, match="target"):
        await stack.client.set_channel("flights", "live")
    with pytest.raises(InvalidInput, match="live"):
        await stack.client.set_channel("flights", "live", remove=True)
    with pytest.raises(StaleBase):
        await stack.client.set_channel(
            "flights", "live", hold_here=True, base_generation=before.generation - 1
        )
    with pytest.raises(NotFound, match="version '9'"):
        await stack.client.reset("flights", 9, replay=True)

    assert await live(stack) == before


async def test_channels_are_where_they_were_after_a_restart(settings: ParamServerSettings) -> None:
    async with stack_over(settings) as stack:
        await stack.client.register_model(SPEC)
        await push_versions(stack, Units(), count=3)
        await stack.client.set_channel("flights", "live", hold_version=2, mark_good=True)
        before = await stack.client.list_models()
        versions = await stack.client.list_versions("flights")
    async with stack_over(settings) as stack:
        assert await stack.client.list_models() == before
        assert await stack.client.list_versions("flights") == versions
