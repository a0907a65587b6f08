"""A retrain whose processes die at a step of it: it resumes or is over, and each example counts once."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from riverrun.core.errors import AlreadyExists, NotFound, Unavailable
from riverrun.core.retraining import Retrain, RetrainPhase, RetrainState
from riverrun.rpc.channels import open_channel
from riverrun.rpc.event_log import RemoteEventLog
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.retrain_client import RetrainClient
from riverrun.runtime.failpoints import EXIT_STATUS
from tests.integration.retraining.processes import Processes, processes
from tests.integration.retraining.retrain_stack import (
    CHANGED,
    FORGETS_NOTHING,
    WRONG,
    Retraining,
    examples,
    has_ended,
)

T = TypeVar("T")

SPEC = FORGETS_NOTHING + "retrain: {take_over: {examples: 150}}\n"

pytestmark = pytest.mark.timeout(600)


class Patient:
    """A client's calls, each repeated while its server is away."""

    def __init__(self, inner: object) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        call = getattr(self._inner, name)

        async def patiently(*args: object, **kwargs: object) -> object:
            async with asyncio.timeout(60):
                while True:
                    with contextlib.suppress(Unavailable):
                        return await call(*args, **kwargs)
                    await asyncio.sleep(0.1)

        return patiently


class _Addressed:
    """What `Retraining` needs of a stack."""

    def __init__(self, address: str, channel: object) -> None:
        self.address = address
        self.client = Patient(ParameterClient(channel))  # type: ignore[arg-type]
        self.log = Patient(RemoteEventLog(channel))  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def retraining_over(running: Processes) -> AsyncIterator[Retraining]:
    async with open_channel(running.address) as channel:
        stack = _Addressed(running.address, channel)
        yield Retraining(stack, Patient(RetrainClient(channel)))  # type: ignore[arg-type]


async def started(retraining: Retraining) -> Retrain:
    """A retrain that is under way, also where the answer to its start was lost."""
    try:
        return await retraining.retrains.start("toy", since=CHANGED)
    except AlreadyExists:
        return await retraining.newest()


@pytest.mark.parametrize(
    ("name", "point"),
    [
        ("retrain", "retrain.before-finish"),
        ("server", "retrain.after-take-over"),
        pytest.param("retrain", "trainer.after-learning:20", marks=pytest.mark.full),
        pytest.param("retrain", "trainer.before-push:2", marks=pytest.mark.full),
        pytest.param("retrain", "trainer.after-push:2", marks=pytest.mark.full),
        pytest.param("retrain", "retrain.after-finish", marks=pytest.mark.full),
        pytest.param("server", "retrain.after-start", marks=pytest.mark.full),
        pytest.param("server", "retrain.before-take-over", marks=pytest.mark.full),
    ],
)
async def test_whoever_dies_at_a_step_it_takes_over_and_each_example_counts_once(
    name: str, point: str, tmp_path: Path, free_ports: Callable[[int], list[int]]
) -> None:
    stream = examples(8_000)
    [port] = free_ports(1)
    async with processes(tmp_path / "data", port) as running, retraining_over(running) as retraining:
        running.keep("server", point if name == "server" else "")
        running.keep("trainer")
        await retraining.stack.client.register_model(SPEC)
        await retraining.feed(stream[:1_600])
        await retraining.position(1_600)
        retrain = await started(retraining)
        running.keep_retrain(retrain.line, point if name == "retrain" else "")

        retrain = await retraining.fed_until(stream[1_600:], has_ended)
        await running.until_ended("retrain", 0)
        await running.until_ended(name, EXIT_STATUS)

        assert retrain.state is RetrainState.TOOK_OVER
        await retraining.assert_learned_once(retrain.line, retraining.fed[WRONG:], SPEC)


@pytest.mark.full
async def test_killed_again_and_again_while_it_is_compared_it_takes_over_all_the_same(
    tmp_path: Path, free_ports: Callable[[int], list[int]]
) -> None:
    stream = examples(12_000)
    [port] = free_ports(1)
    async with processes(tmp_path / "data", port) as running, retraining_over(running) as retraining:
        running.keep("server")
        running.keep("trainer")
        await retraining.stack.client.register_model(SPEC)
        await retraining.feed(stream[:1_600])
        await retraining.position(1_600)
        retrain = await started(retraining)
        running.keep_retrain(retrain.line)

        for victim in ("retrain", "trainer", "retrain", "server"):
            compared = await retraining.until(
                lambda one: one.progress is not None and one.progress.phase is RetrainPhase.COMPARING
            )
            assert compared.state is RetrainState.RUNNING
            running.running[victim].send_signal(signal.SIGKILL)
            await running.until_ended(victim, -signal.SIGKILL)
            await retraining.feed(stream[len(retraining.fed) : len(retraining.fed) + 40])
        retrain = await retraining.fed_until(stream[len(retraining.fed) :], has_ended)

        assert retrain.state is RetrainState.TOOK_OVER
        await retraining.assert_learned_once(retrain.line, retraining.fed[WRONG:], SPEC)


@pytest.mark.full
async def test_a_server_that_dies_when_it_was_cancelled_has_it_cancelled(
    tmp_path: Path, free_ports: Callable[[int], list[int]]
) -> None:
    stream = examples(1_600)
    [port] = free_ports(1)
    async with processes(tmp_path / "data", port) as running, retraining_over(running) as retraining:
        running.keep("server", "retrain.after-end")
        running.keep("trainer")
        await retraining.stack.client.register_model(SPEC)
        await retraining.feed(stream)
        await retraining.position(1_600)
        retrain = await started(retraining)
        running.keep_retrain(retrain.line)
        await retraining.until(lambda one: one.progress is not None)

        with contextlib.suppress(NotFound):
            # The repeated call finds none under way.
            await retraining.retrains.cancel("toy")
        await running.until_ended("server", EXIT_STATUS)
        await running.until_ended("retrain", 0)

        assert (await retraining.newest()).state is RetrainState.CANCELLED
        await retraining.assert_learned_once(1, stream, SPEC)
