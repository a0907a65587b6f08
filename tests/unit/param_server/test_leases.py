"""Leases on a clock of the test's own: when a session lapses, and who has the line then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from riverrun_param_server.app import building
from riverrun_param_server.param_server import ParamServer
from riverrun_param_server.session import Session
from riverrun_param_server.settings import ParamServerSettings

from riverrun.core.errors import Fenced

SPEC = "name: m\ntask: binary\nmodel: [linear_model.LogisticRegression]\nfeatures: {a: float}\n"


class OwnClock:
    """Time as the test says; the wall clock jumps, which must change nothing."""

    def __init__(self) -> None:
        self.now = 0.0
        self.wall = 10**18

    def wall_ns(self) -> int:
        return self.wall

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock() -> OwnClock:
    return OwnClock()


@pytest.fixture
async def server(tmp_path: Path, clock: OwnClock) -> AsyncIterator[ParamServer]:
    settings = ParamServerSettings(data=tmp_path / "data", lease_s=10)
    async with building(settings, clock) as built:
        await built.registry.register(SPEC)
        yield built


async def is_over(session: Session) -> bool:
    """Whether the session has ended, by a fence."""
    try:
        async with asyncio.timeout(0.01):
            async for _ in session.news():
                pass
    except TimeoutError:
        return False
    except Fenced:
        return True
    return True


async def test_a_session_lives_while_progress_comes_within_the_lease(
    server: ParamServer, clock: OwnClock
) -> None:
    session, _ = await server.sessions.open("m", 1, "t")

    for _ in range(5):
        clock.now += 9.9
        server.sessions.lapse()
        server.sessions.progress(session, "")

    assert not await is_over(session)


async def test_a_session_without_progress_lapses_and_stays_over(server: ParamServer, clock: OwnClock) -> None:
    session, _ = await server.sessions.open("m", 1, "t")

    clock.now += 10
    server.sessions.lapse()
    server.sessions.progress(session, "")

    assert await is_over(session)


async def test_the_wall_clock_ends_no_session(server: ParamServer, clock: OwnClock) -> None:
    session, _ = await server.sessions.open("m", 1, "t")

    clock.wall += 86_400 * 10**9
    server.sessions.lapse()
    clock.wall -= 2 * 86_400 * 10**9
    server.sessions.lapse()

    assert not await is_over(session)


async def test_standbys_get_their_turn_in_order_each_in_a_new_epoch(server: ParamServer) -> None:
    first, _ = await server.sessions.open("m", 1, "a")
    waiting = [asyncio.create_task(server.sessions.open("m", 1, name)) for name in ("b", "c")]
    await asyncio.sleep(0)

    server.sessions.close(first)
    second, opened = await waiting[0]
    assert not waiting[1].done()
    server.sessions.close(second)
    third, last = await waiting[1]

    assert (second.trainer_id, opened.epoch) == ("b", 2)
    assert (third.trainer_id, last.epoch) == ("c", 3)


async def test_a_standby_that_leaves_does_not_take_the_turn_of_the_next(server: ParamServer) -> None:
    first, _ = await server.sessions.open("m", 1, "a")
    waiting = [asyncio.create_task(server.sessions.open("m", 1, name)) for name in ("b", "c")]
    await asyncio.sleep(0)

    server.sessions.close(first)
    waiting[0].cancel()
    async with asyncio.timeout(60):
        third, _ = await waiting[1]

    assert third.trainer_id == "c"


async def test_stopping_ends_sessions_and_standbys(server: ParamServer) -> None:
    session, _ = await server.sessions.open("m", 1, "a")
    standby = asyncio.create_task(server.sessions.open("m", 1, "b"))
    await asyncio.sleep(0)

    server.end_streams()

    assert await is_over(session)
    with pytest.raises(Exception, match="it stops"):
        await standby
