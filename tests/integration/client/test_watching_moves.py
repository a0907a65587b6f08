"""`watch`: every move of a channel as it is announced, awaited or in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from riverrun.client import AsyncClient, Client
from riverrun.client.answers import Announcement
from riverrun.core.errors import InvalidInput, InvalidSpec, StaleBase
from tests.integration.serving.serving_stack import FRAUD, HandTrainer, Stack
from tests.stacks import PATIENCE_S


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    found = Stack(tmp_path)
    await found.open()
    yield found
    await found.close()


@pytest.fixture
async def trainer(stack: Stack) -> HandTrainer:
    return await stack.trainer(FRAUD)


ROWS = [({"amount": 1.0, "hour": 2.0}, True)]


async def test_moves_come_in_order_of_generation(stack: Stack, trainer: HandTrainer) -> None:
    await trainer.push()
    seen: list[Announcement] = []
    async with AsyncClient(server=stack.address, timeout_s=PATIENCE_S) as client:
        moves = client.watch("fraud")
        seen.append(await anext(moves))
        await trainer.push(ROWS)
        seen.append(await anext(moves))
        await client.rollback("fraud", to=1)
        seen.append(await anext(moves))
        await moves.aclose()

    assert [move.manifest.version for move in seen] == [1, 2, 1]
    generations = [move.generation for move in seen]
    assert generations == sorted(set(generations))
    assert {move.channel for move in seen} == {"live"}


async def test_a_watch_goes_on_after_the_server_was_away(stack: Stack, trainer: HandTrainer) -> None:
    await trainer.push()
    async with AsyncClient(server=stack.address, timeout_s=PATIENCE_S) as client:
        moves = client.watch("fraud")
        first = await anext(moves)
        await stack.stop_server()
        await stack.start_server_again()
        await client.pin("fraud", 1)
        second = await asyncio.wait_for(anext(moves), 60)
        await moves.aclose()

    assert (first.manifest.version, second.manifest.version) == (1, 1)
    assert second.generation > first.generation


async def test_a_thread_sees_the_same(stack: Stack, trainer: HandTrainer) -> None:
    await trainer.push()

    def watch_one() -> Announcement:
        with Client(server=stack.address, timeout_s=PATIENCE_S) as client:
            moves = client.watch("fraud")
            first = next(moves)
            moves.close()
            return first

    assert (await asyncio.to_thread(watch_one)).manifest.version == 1


async def test_a_policy_that_somebody_else_changed_meanwhile_is_stale(
    stack: Stack, trainer: HandTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AsyncClient(server=stack.address, timeout_s=PATIENCE_S) as client:
        before = await client.model("fraud")
        await client.set_policy("fraud", "publish.every", "1s")

        async def as_it_was(model: str) -> object:
            return before

        monkeypatch.setattr(client, "model", as_it_was)
        with pytest.raises(StaleBase) as found:
            await client.set_policy("fraud", "publish.every", "2s")

    assert (found.value.given, found.value.current) == (1, 2)


async def test_a_wrong_spec_names_its_line(stack: Stack) -> None:
    async with AsyncClient(server=stack.address, timeout_s=PATIENCE_S) as client:
        with pytest.raises(InvalidSpec) as found:
            await client.apply(FRAUD + "colour: red\n")

    assert (found.value.field, found.value.line) == ("colour", 11)


async def test_a_spec_is_applied_from_a_file(stack: Stack, tmp_path: Path) -> None:
    path = tmp_path / "fraud.yaml"
    path.write_text(FRAUD)

    async with AsyncClient(server=stack.address, timeout_s=PATIENCE_S) as client:
        applied = await client.apply(path)

    assert (applied.model.name, applied.opened_line, applied.previous) == ("fraud", True, None)


async def test_examples_are_skipped_or_replayed_and_nothing_else(stack: Stack, trainer: HandTrainer) -> None:
    await trainer.push()
    async with AsyncClient(server=stack.address, timeout_s=PATIENCE_S) as client:
        with pytest.raises(InvalidInput, match="skip or replay"):
            await client.reset("fraud", to=1, examples="forget")  # type: ignore[arg-type]


def test_a_client_is_closed_more_than_once_without_harm() -> None:
    client = Client(server="127.0.0.1:1")
    client.close()
    client.close()
