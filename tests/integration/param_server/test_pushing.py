"""Pushes over real gRPC: what is stored, what is refused, what a repeat gets."""

from __future__ import annotations

from param_stack import SPEC, Stack, Units, a_push, change, held_by

from riverrun.rpc.trainer_session import open_session


async def test_pushed_version_is_pulled_with_equal_units_and_digest(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    units = Units()

    async with open_session(stack.client, "flights", 1, "t") as session:
        pushed = await stack.client.push(
            a_push(units, base=0, epoch=session.opened.epoch, serving=change(0, 1, to=b"a"))
        )

    pulled = await stack.client.pull("flights", channel="live")
    assert held_by(pulled) == units.serving
    assert (pulled.manifest.version, pulled.manifest.digest) == (1, pushed.digest)
    assert pulled.generation == pushed.moved[0].generation
