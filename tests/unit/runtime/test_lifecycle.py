"""How roots of a service end together. Signals to a real process are covered in tests/integration."""

from __future__ import annotations

import asyncio

import pytest

from riverrun.runtime.lifecycle import Stop, run_until_stopped


async def forever(cancelled: list[str], name: str) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        cancelled.append(name)


async def test_asking_to_stop_cancels_every_root_and_returns() -> None:
    stop, cancelled = Stop(), []
    running = asyncio.create_task(run_until_stopped(stop, forever(cancelled, "a"), forever(cancelled, "b")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    stop.ask()
    stop.ask()
    await running

    assert sorted(cancelled) == ["a", "b"]


async def test_a_failing_root_ends_the_others_and_is_raised() -> None:
    cancelled: list[str] = []

    async def fails() -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await run_until_stopped(Stop(), forever(cancelled, "a"), fails())

    assert cancelled == ["a"]


async def test_a_root_that_merely_returns_is_an_error() -> None:
    async def returns() -> None:
        return

    with pytest.raises(RuntimeError, match="must go on"):
        await run_until_stopped(Stop(), returns())


async def test_asked_early_nothing_runs_for_long() -> None:
    stop, cancelled = Stop(), []
    stop.ask()

    await asyncio.wait_for(run_until_stopped(stop, forever(cancelled, "a")), 60)
