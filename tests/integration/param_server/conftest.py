"""A real parameter server on loopback for each test."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog
from riverrun_param_server.app import building
from riverrun_param_server.compaction import Compaction
from riverrun_param_server.housekeeping import Housekeeping, HousekeepingPolicy
from riverrun_param_server.settings import ParamServerSettings

from tests.integration.param_server.house import House, OwnClock
from tests.integration.param_server.param_stack import SPEC, Stack, Units, stack_over


@pytest.fixture(autouse=True)
def quiet_logs() -> Iterator[None]:
    """Only what somebody should look at, so that a failure can be read."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def stalls_break_no_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that stalls looks like a dead link otherwise, and all is told again on a new one."""
    monkeypatch.setattr("riverrun.rpc.watching.SILENCE_S", 600.0)


@pytest.fixture
def settings(tmp_path: Path) -> ParamServerSettings:
    # A session lapses where a test says so, and never because the machine stalled.
    return ParamServerSettings(port=0, http_port=0, data=tmp_path / "data", lease_s=600.0, drain_s=2.0)


@pytest.fixture
async def stack(settings: ParamServerSettings) -> AsyncIterator[Stack]:
    async with stack_over(settings) as built:
        yield built


@pytest.fixture
async def house(settings: ParamServerSettings) -> AsyncIterator[House]:
    clock = OwnClock()
    async with building(settings, clock) as server:
        await server.registry.register(SPEC)
        session, opening = await server.sessions.open("flights", 1, "t")
        policy = HousekeepingPolicy(max_run=3, pause_s=0, dead_letters=8)
        compaction = Compaction(server.store, max_bytes=1 << 24)
        housekeeping = Housekeeping(server.catalogue, server.keeping, compaction, clock, policy)
        yield House(server, clock, housekeeping, Units(), opening.epoch, {})
        server.sessions.close(session)
