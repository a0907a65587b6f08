"""What a caller was told is on disk when it is told: epochs, versions and generations never come back.

The folder is copied the moment an answer is in, as a kill at that moment would leave it. Kills at random
moments, and power cuts, are in tests/fault.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from riverrun_param_server.settings import ParamServerSettings

from riverrun.core.versions import Channel
from riverrun.rpc.trainer_session import open_session
from tests.integration.param_server.param_stack import SPEC, Stack, Units, a_push, change, stack_over


def as_killed(settings: ParamServerSettings, to: Path) -> ParamServerSettings:
    return settings.model_copy(update={"data": shutil.copytree(settings.data, to)})


async def test_an_epoch_that_was_granted_is_never_granted_again(
    settings: ParamServerSettings, tmp_path: Path
) -> None:
    granted: list[int] = []
    for life in range(6):
        async with stack_over(settings) as stack:
            if life == 0:
                await stack.client.register_model(SPEC)
            for _ in range(2):
                async with open_session(stack.client, "flights", 1, f"t{life}") as session:
                    granted.append(session.opened.epoch)
            killed = as_killed(settings, tmp_path / f"life-{life}")
        settings = killed

    assert granted == sorted(set(granted))
    assert len(granted) == 12


async def live(stack: Stack) -> Channel:
    channel = (await stack.client.list_models())[0].channel("live")
    assert channel is not None
    return channel


async def test_versions_and_generations_that_were_told_are_there_and_are_not_given_again(
    settings: ParamServerSettings, tmp_path: Path
) -> None:
    units = Units()
    told: list[tuple[int, bytes]] = []
    generations: list[int] = []
    for life in range(4):
        async with stack_over(settings) as stack:
            if life == 0:
                await stack.client.register_model(SPEC)
            kept = {m.version: m.digest for m in await stack.client.list_versions("flights")}
            assert told == sorted(kept.items())
            async with open_session(stack.client, "flights", 1, "t") as session:
                base = 0 if session.opened.head is None else session.opened.head.version
                push = a_push(units, base=base, epoch=session.opened.epoch, serving=change(life, to=b"x"))
                pushed = await stack.client.push(push)
            told.append((pushed.version, pushed.digest))
            moved, _ = await stack.client.set_channel("flights", "live", hold_version=pushed.version)
            generations.append(moved.generation)
            killed = as_killed(settings, tmp_path / f"life-{life}")
        settings = killed
        async with stack_over(settings) as again:
            assert (await live(again)).generation == moved.generation

    assert [version for version, _ in told] == [1, 2, 3, 4]
    assert generations == sorted(set(generations))


async def test_a_deleted_model_that_comes_back_goes_on_above_every_number_it_gave(
    settings: ParamServerSettings,
) -> None:
    async with stack_over(settings) as stack:
        await stack.client.register_model(SPEC)
        async with open_session(stack.client, "flights", 1, "t") as session:
            push = a_push(Units(), base=0, epoch=session.opened.epoch, serving=change(0, to=b"x"))
            await stack.client.push(push)
            epoch = session.opened.epoch
        before = await live(stack)
        await stack.client.delete_model("flights")
    async with stack_over(settings) as stack:
        await stack.client.register_model(SPEC)
        async with open_session(stack.client, "flights", 1, "t") as session:
            assert session.opened.epoch > epoch
            push = a_push(Units(), base=1, epoch=session.opened.epoch, serving=change(0, to=b"x"))
            assert (await stack.client.push(push)).version == 2
        assert (await live(stack)).generation > before.generation
