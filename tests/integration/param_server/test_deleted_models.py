"""A deleted model is answered no more, and comes back whole. When its versions go: test_housekeeping."""

from __future__ import annotations

import pytest
from riverrun_param_server.settings import ParamServerSettings

from riverrun.core.errors import NotFound
from riverrun.rpc.trainer_session import open_session
from tests.integration.param_server.param_stack import (
    OTHER_POLICY,
    SPEC,
    Units,
    a_push,
    change,
    held_by,
    stack_over,
)


@pytest.mark.parametrize("spec", [SPEC, OTHER_POLICY])
async def test_it_comes_back_as_it_was_also_after_a_restart(settings: ParamServerSettings, spec: str) -> None:
    units = Units()
    async with stack_over(settings) as stack:
        await stack.client.register_model(SPEC)
        async with open_session(stack.client, "flights", 1, "t") as session:
            for base in range(3):
                push = a_push(units, base=base, epoch=session.opened.epoch, serving=change(base, to=b"a"))
                await stack.client.push(push)
            await stack.client.set_channel("flights", "frozen", hold_version=2)
            before = await stack.client.list_versions("flights")
            [was] = await stack.client.list_models()

            await stack.client.delete_model("flights")

            with pytest.raises(NotFound):
                async for _ in session.changed_specs():
                    pass
        with pytest.raises(NotFound):
            await stack.client.pull("flights", version=3)

    async with stack_over(settings) as stack:
        assert await stack.client.list_models() == []
        info, opened = await stack.client.register_model(spec)

        assert not opened
        assert (info.lines, info.channels) == (was.lines, was.channels)
        assert await stack.client.list_versions("flights") == before
        assert held_by(await stack.client.pull("flights", channel="live")) == units.serving
        async with open_session(stack.client, "flights", 1, "t") as session:
            push = a_push(units, base=3, epoch=session.opened.epoch, serving=change(0, to=b"b"))
            assert (await stack.client.push(push)).version == 4
