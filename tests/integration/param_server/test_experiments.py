"""Experiments over real gRPC: kept over restarts, told to watchers, their channels moved, a winner live.

What a plan may be is shown in tests/unit/param_server, serving and results with the whole loop.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from riverrun_param_server.app import building
from riverrun_param_server.param_server import ParamServer
from riverrun_param_server.settings import ParamServerSettings

from riverrun.core.errors import AlreadyExists, InvalidInput, NotFound, NotReady
from riverrun.core.experiments import Arm, Experiment, Guardrail, Judged, Pace
from riverrun.core.versions import Channel, ModelInfo
from riverrun.rpc.channels import open_channel
from riverrun.rpc.experiments_client import ExperimentsClient
from riverrun.rpc.trainer_session import open_session
from riverrun.rpc.watching import ModelChanged
from tests.integration.param_server.house import SECOND, OwnClock
from tests.integration.param_server.param_stack import (
    SPEC,
    Stack,
    Units,
    a_push,
    change,
    eventually,
    stack_over,
    watching,
)

JOINING = SPEC + "label: {window: 1h}\n"
OTHER_LINE = JOINING.replace("  distance: float\n", "  distance: float\n  hour: int\n")

PACES = Experiment(
    "pace",
    (Arm("now", 0.5, "live"), Arm("hourly", 0.25, "", Pace.EVERY, 3600.0), Arm("old", 0.25, "", Pace.FROZEN)),
    (Guardrail(Judged.HARM, 0.1), Guardrail(Judged.LOSS, 0.5, "old")),
)
CANDIDATE = Experiment("take-over", (Arm("a", 0.5, "live"), Arm("b", 0.5, "candidate")))


@pytest.fixture
async def experiments(stack: Stack) -> AsyncIterator[ExperimentsClient]:
    async with open_channel(stack.address) as channel:
        yield ExperimentsClient(channel)


async def push(stack: Stack, units: Units, base: int, *, line: int = 1) -> int:
    async with open_session(stack.client, "flights", line, "t") as session:
        epoch = session.opened.epoch
        answer = await stack.client.push(
            a_push(units, base=base, epoch=epoch, line=line, serving=change(0, to=b"%d" % base))
        )
    return answer.version


async def info(stack: Stack) -> ModelInfo:
    [model] = await stack.client.list_models()
    return model


async def test_an_experiment_is_told_to_whoever_watches(stack: Stack, experiments: ExperimentsClient) -> None:
    await stack.client.register_model(JOINING)
    await push(stack, Units(), 0)
    async with watching(stack.address, catalogue_only=True) as (_, heard):
        started = await experiments.start("flights", PACES)
        await eventually(
            lambda: any(isinstance(c, ModelChanged) and c.model.experiments == (started,) for c in heard)
        )

    assert await experiments.start("flights", PACES) == started
    assert [arm.channel for arm in started.arms] == ["live", "pace-hourly", "pace-old"]
    assert started.guardrails == PACES.guardrails
    assert (await info(stack)).channel("pace-old") == Channel("pace-old", 1, 1, None)


async def test_an_experiment_outlives_the_process(settings: ParamServerSettings) -> None:
    async with stack_over(settings) as stack, open_channel(stack.address) as channel:
        await stack.client.register_model(JOINING)
        await push(stack, Units(), 0)
        started = await ExperimentsClient(channel).start("flights", PACES)

    async with stack_over(settings) as stack, open_channel(stack.address) as channel:
        assert await ExperimentsClient(channel).get("flights") == started
        assert (await info(stack)).running_experiment == started


async def test_stop_ends_it_takes_its_channels_away_and_may_be_repeated(
    stack: Stack, experiments: ExperimentsClient
) -> None:
    await stack.client.register_model(JOINING)
    await push(stack, Units(), 0)
    await experiments.start("flights", PACES)

    ended = await experiments.stop("flights", "pace", reason="enough")

    assert ended == await experiments.stop("flights", "pace", reason="again")
    assert ended.end_reason == "enough"
    assert [channel.name for channel in (await info(stack)).channels] == ["live"]
    assert await experiments.list("flights") == [ended]
    assert await experiments.start("flights", dataclasses.replace(PACES, name="next"))


async def test_a_guardrail_stops_one_arm_and_then_the_whole(
    stack: Stack, experiments: ExperimentsClient
) -> None:
    await stack.client.register_model(JOINING)
    await push(stack, Units(), 0)
    await experiments.start("flights", PACES)

    one = await experiments.stop_arm("flights", "pace", "old", reason="it harms")
    both = await experiments.stop_arm("flights", "pace", "hourly", reason="it harms too")

    assert (one.is_running, both.is_running) == (True, False)
    assert [arm.stop_reason for arm in both.arms] == ["", "it harms too", "it harms"]
    assert both.end_reason == "arm hourly was stopped: it harms too"
    assert [channel.name for channel in (await info(stack)).channels] == ["live"]


async def test_the_winner_of_another_line_takes_over_in_one_step(
    stack: Stack, experiments: ExperimentsClient
) -> None:
    await stack.client.register_model(JOINING)
    await push(stack, Units(), 0)
    await stack.client.register_model(OTHER_LINE)
    with pytest.raises(NotReady, match=r"arms\.1\.channel: channel candidate of flights"):
        await experiments.start("flights", CANDIDATE)
    second = await push(stack, Units(), 0, line=2)
    await experiments.start("flights", CANDIDATE)

    ended = await experiments.promote("flights", "take-over", "b", reason="it is better")

    model = await info(stack)
    assert (ended.winner, ended.end_reason, ended.is_running) == ("b", "it is better", False)
    assert model.experiments == (ended,)
    assert [(c.name, c.version, c.follows) for c in model.channels] == [("live", second, 2)]
    assert [line.closed for line in model.lines] == [True, False]
    assert (await stack.client.get_version("flights", second)).good
    assert await experiments.promote("flights", "take-over", "b") == ended
    with pytest.raises(InvalidInput, match="take-over has ended: b was promoted"):
        await experiments.promote("flights", "take-over", "a")


async def test_the_winner_that_was_frozen_holds_live(stack: Stack, experiments: ExperimentsClient) -> None:
    await stack.client.register_model(JOINING)
    units = Units()
    first = await push(stack, units, 0)
    await experiments.start("flights", PACES)
    await push(stack, units, first)

    ended = await experiments.promote("flights", "pace", "old")

    model = await info(stack)
    assert ended.winner == "old"
    assert [(c.name, c.version, c.held) for c in model.channels] == [("live", first, True)]


async def test_the_winner_that_is_live_already_moves_nothing(
    stack: Stack, experiments: ExperimentsClient
) -> None:
    await stack.client.register_model(JOINING)
    await push(stack, Units(), 0)
    before = (await info(stack)).channels
    await experiments.start("flights", PACES)

    ended = await experiments.promote("flights", "pace", "now")

    assert ended.winner == "now"
    assert (await info(stack)).channels == before


async def test_what_is_wrong_is_named(stack: Stack, experiments: ExperimentsClient) -> None:
    await stack.client.register_model(JOINING)
    await push(stack, Units(), 0)
    with pytest.raises(NotFound, match="no experiment of model 'flights'"):
        await experiments.get("flights")
    await experiments.start("flights", PACES)

    with pytest.raises(AlreadyExists, match="running experiment 'pace'"):
        await experiments.start("flights", dataclasses.replace(PACES, name="second"))
    with pytest.raises(NotFound, match="no experiment 'nobody'; there is: pace"):
        await experiments.stop("flights", "nobody")
    with pytest.raises(NotFound, match="no arm 'nobody'; there is: now, hourly, old"):
        await experiments.promote("flights", "pace", "nobody")
    with pytest.raises(NotFound, match="no model"):
        await experiments.list("nobody")


async def test_an_arm_with_an_interval_follows_live_at_its_own_pace(tmp_path: Path) -> None:
    clock = OwnClock()
    async with building(ParamServerSettings(data=tmp_path), clock) as server:
        await server.registry.register(JOINING)
        units = Units()
        await _push_by_hand(server, units, 0)
        await server.experiments.start("flights", PACES)
        await _push_by_hand(server, units, 1)
        places = []
        for _ in range(3):
            await server.experiments.move_due()
            channels = server.catalogue.get("flights").record.channels
            places.append({channel.name: channel.version for channel in channels})
            clock.now_ns += 1800 * SECOND
        listed = {
            kept.manifest.version: kept.reasons for kept in await server.keeping.listed("flights", 9, 0)
        }

    assert places[0] == places[1] == {"live": 2, "pace-hourly": 1, "pace-old": 1}
    assert places[2] == {"live": 2, "pace-hourly": 2, "pace-old": 1}
    assert "channel pace-old" in listed[1]


async def _push_by_hand(server: ParamServer, units: Units, base: int) -> None:
    session, opening = await server.sessions.open("flights", 1, "t")
    await server.pushes.push(
        a_push(units, base=base, epoch=opening.epoch, serving=change(0, to=b"%d" % base))
    )
    server.sessions.close(session)
