"""Chains of deltas get snapshots, so that a start reads little."""

from __future__ import annotations

import asyncio
import os

from riverrun_param_server import version_rows
from riverrun_param_server.settings import ParamServerSettings

from riverrun.core.units import SideDelta
from riverrun.rpc.trainer_session import open_session
from tests.integration.param_server.param_stack import SPEC, Stack, Units, a_push, held_by, stack_over


async def versions_with_snapshot(stack: Stack) -> list[int]:
    store = stack.running.server.store
    rows = await store.run(lambda c: version_rows.select_many(c, "snapshot_sha IS NOT NULL", ()))
    return [row.version for row in rows]


async def test_a_long_chain_gets_a_snapshot_that_leads_to_the_same_units(
    settings: ParamServerSettings,
) -> None:
    units = Units()
    async with stack_over(settings) as stack:
        await stack.client.register_model(SPEC)
        async with open_session(stack.client, "flights", 1, "t") as session:
            for base in range(30):
                push = a_push(
                    units,
                    base=base,
                    epoch=session.opened.epoch,
                    serving=SideDelta({base % 4: os.urandom(90_000)}),
                    trainer=SideDelta({1000: b"%d" % base}),
                )
                await stack.client.push(push)
                if base == 20:
                    # The next one is begun once this one is there.
                    async with asyncio.timeout(60):
                        while len(await versions_with_snapshot(stack)) < 2:
                            await asyncio.sleep(0.02)
    # Stopping waits for a snapshot that is being made.
    async with stack_over(settings) as stack:
        snapshots = await versions_with_snapshot(stack)
        for version in snapshots:
            pulled = await stack.client.pull("flights", version=version)
            assert pulled.manifest.version == version
        live = await stack.client.pull("flights", channel="live")

    assert snapshots[0] == 1
    assert len(snapshots) >= 3
    assert held_by(live) == units.serving
