"""Pushes over real gRPC: what is stored, what is refused, what a repeat gets."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from riverrun_param_server.settings import ParamServerSettings

from riverrun.codec.wire import decode_side
from riverrun.core.digest import version_digest
from riverrun.core.errors import DigestMismatch, Exhausted, Fenced, InvalidInput, NotFound, StaleBase
from riverrun.core.events import Arrivals, Stream
from riverrun.core.units import SideDelta
from riverrun.rpc.trainer_session import open_session
from tests.integration.param_server.param_stack import SPEC, Stack, Units, a_push, change, held_by, stack_over


async def test_pushed_version_is_pulled_with_equal_units_and_digest(stack: Stack) -> None:
    info, opened = await stack.client.register_model(SPEC)
    units = Units()

    async with open_session(stack.client, "flights", 1, "t") as session:
        pushed = await stack.client.push(
            a_push(units, base=0, epoch=session.opened.epoch, serving=change(0, 1, to=b"a"))
        )

    pulled = await stack.client.pull("flights", channel="live")
    assert opened
    assert held_by(pulled) == units.serving
    assert (pulled.manifest.version, pulled.manifest.digest) == (1, pushed.digest)
    assert pushed.digest == version_digest(info.lines[0].spec_digest, *units.roots)
    assert (pulled.generation, pulled.spec_yaml) == (pushed.moved[0].generation, SPEC)


async def test_manifest_keeps_everything_the_push_said(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    positions = {Stream.EXAMPLES: {0: 42}}

    async with open_session(stack.client, "flights", 1, "t") as session:
        push = replace(
            a_push(Units(), base=0, epoch=session.opened.epoch, serving=change(0, to=b"a")),
            positions=positions,
            watermark_ns=7,
            examples=41,
            metrics=(("ROCAUC", 0.75),),
            arrivals=Arrivals(3, 5),
        )
        await stack.client.push(push)

    manifest = await stack.client.get_version("flights", 1)
    assert (manifest.positions, manifest.watermark_ns, manifest.examples) == (positions, 7, 41)
    assert (dict(manifest.metrics), manifest.arrivals) == ({"ROCAUC": 0.75}, Arrivals(3, 5))
    assert (manifest.parent, manifest.line, manifest.epoch, manifest.push_id) == (0, 1, 1, push.push_id)
    assert await stack.client.list_versions("flights") == [manifest]


async def test_the_same_push_again_gets_the_same_answer_and_changes_nothing(
    settings: ParamServerSettings,
) -> None:
    units = Units()
    async with stack_over(settings) as stack:
        await stack.client.register_model(SPEC)
        async with open_session(stack.client, "flights", 1, "t") as session:
            epoch = session.opened.epoch
            first = a_push(units, base=0, epoch=epoch, serving=change(0, to=b"a"))
            answer = await stack.client.push(first)
            await stack.client.push(a_push(units, base=1, epoch=epoch, serving=change(0, to=b"b")))

            again = await stack.client.push(first)

        assert again == answer
    async with stack_over(settings) as stack:
        after_restart = await stack.client.push(first)

        assert after_restart == answer
        assert [m.version for m in await stack.client.list_versions("flights")] == [2, 1]


async def test_stale_base_is_rejected_with_current_version(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    units = Units()
    async with open_session(stack.client, "flights", 1, "t") as session:
        epoch = session.opened.epoch
        await stack.client.push(a_push(units, base=0, epoch=epoch, serving=change(0, to=b"a")))

        with pytest.raises(StaleBase) as caught:
            await stack.client.push(a_push(units, base=0, epoch=epoch, serving=change(0, to=b"b")))

    assert (caught.value.current, caught.value.given) == (1, 0)


async def test_an_old_epoch_is_fenced_for_good(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    async with open_session(stack.client, "flights", 1, "one") as old:
        epoch = old.opened.epoch
    async with open_session(stack.client, "flights", 1, "two"):
        push = a_push(Units(), base=0, epoch=epoch, serving=change(0, to=b"a"))

        for _ in range(2):
            with pytest.raises(Fenced) as caught:
                await stack.client.push(push)

    assert (caught.value.given, caught.value.current) == (epoch, epoch + 1)
    assert await stack.client.list_versions("flights") == []


async def test_wrong_root_is_refused_and_the_right_one_then_taken(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    units = Units()
    async with open_session(stack.client, "flights", 1, "t") as session:
        push = a_push(units, base=0, epoch=session.opened.epoch, serving=change(0, to=b"a"))

        with pytest.raises(DigestMismatch, match="serving"):
            await stack.client.push(replace(push, serving_root=b"\x00" * 32))
        assert await stack.client.list_versions("flights") == []
        pushed = await stack.client.push(push)

    assert pushed.version == 1


async def test_a_large_push_in_chunks_survives_whole(settings: ParamServerSettings) -> None:
    units = Units()
    async with stack_over(settings) as stack:
        await stack.client.register_model(SPEC)
        async with open_session(stack.client, "flights", 1, "t") as session:
            epoch = session.opened.epoch
            big = SideDelta({n: os.urandom(100_000) for n in range(30)})
            mine = SideDelta({100: os.urandom(300_000)})
            await stack.client.push(a_push(units, base=0, epoch=epoch, serving=big, trainer=mine))
            await stack.client.push(a_push(units, base=1, epoch=epoch, serving=change(3, to=b"x")))
    async with stack_over(settings) as stack:
        pulled = await stack.client.pull("flights", channel="live", trainer_state=True)

        assert held_by(pulled) == units.serving
        assert decode_side(pulled.trainer, max_bytes=1 << 30).apply({}) == units.trainer
        with pytest.raises(Exhausted):
            await stack.client.pull("flights", channel="live", max_bytes=1000)


async def test_a_snapshot_push_replaces_the_state(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    old, new = Units(), Units(next_unit=10)
    async with open_session(stack.client, "flights", 1, "t") as session:
        epoch = session.opened.epoch
        await stack.client.push(a_push(old, base=0, epoch=epoch, serving=change(0, 1, to=b"a")))
        push = a_push(new, base=1, epoch=epoch, serving=change(1, 10, to=b"b"))

        pushed = await stack.client.push(replace(push, snapshot=True))

    pulled = await stack.client.pull("flights", version=pushed.version)
    assert held_by(pulled) == new.serving
    assert (pulled.manifest.parent, pulled.base_version) == (1, 0)


async def test_a_state_over_the_limit_is_refused_naming_it(settings: ParamServerSettings) -> None:
    small = settings.model_copy(update={"max_model_bytes": 10_000})
    async with stack_over(small) as stack:
        await stack.client.register_model(SPEC)
        units = Units()
        async with open_session(stack.client, "flights", 1, "t") as session:
            push = a_push(
                units, base=0, epoch=session.opened.epoch, serving=SideDelta({0: os.urandom(10_001)})
            )

            with pytest.raises(Exhausted, match="10000 bytes"):
                await stack.client.push(push)

        assert await stack.client.list_versions("flights") == []


async def test_what_is_not_there_or_malformed_is_named(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    async with open_session(stack.client, "flights", 1, "t") as session:
        push = a_push(Units(), base=0, epoch=session.opened.epoch, serving=change(0, to=b"a"))

        with pytest.raises(NotFound, match="nobody"):
            await stack.client.push(replace(push, model="nobody"))
        with pytest.raises(NotFound, match="line '7'"):
            await stack.client.push(replace(push, line=7))
        with pytest.raises(InvalidInput, match="serving_root"):
            await stack.client.push(replace(push, serving_root=b"short"))
        with pytest.raises(InvalidInput, match="delta"):
            await stack.client.push(replace(push, serving=b"not a delta at all, by its bytes"))
        with pytest.raises(InvalidInput, match="push_id"):
            await stack.client.push(replace(push, push_id=""))
        assert (await stack.client.push(push)).version == 1


async def test_version_numbers_go_on_after_a_restart(settings: ParamServerSettings) -> None:
    units, numbers = Units(), []
    for round_ in range(3):
        async with stack_over(settings) as stack:
            await stack.client.register_model(SPEC)
            async with open_session(stack.client, "flights", 1, "t") as session:
                head = session.opened.head
                push = a_push(
                    units,
                    base=head.version if head else 0,
                    epoch=session.opened.epoch,
                    serving=change(0, to=b"%d" % round_),
                )
                numbers.append((await stack.client.push(push)).version)

    assert numbers == [1, 2, 3]
