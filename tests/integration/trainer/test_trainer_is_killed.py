"""Real trainer processes that die: by SIGKILL, and by an event that kills whoever learns it."""

import asyncio
import signal
import textwrap

import msgspec
import pytest

from riverrun.core.events import Stream
from tests.integration.trainer.trainer_stack import SPEC, event, offset_of, plain_loop, rows, trainer_process

# Each process starts anew, one after the other.
pytestmark = pytest.mark.timeout(300)

PROBE = {"a": 0.3, "b": -1.2, "c": 2.0}


async def test_sigkill_in_mid_stream_loses_and_doubles_nothing(stack):
    await stack.client.register_model(SPEC)
    examples = rows(30_000)
    fed = 0
    enough = asyncio.Event()

    async def feed() -> None:
        nonlocal fed
        while not enough.is_set():
            # No further ahead than that: a start of a process may take long.
            head = await stack.head()
            if head is None or fed < offset_of(head) + 1_000:
                await stack.feed(examples[fed : fed + 10], start=fed)
                fed += 10
            await asyncio.sleep(0.01)

    feeding: asyncio.Task[None] | None = None
    for _kill in range(3):
        async with trainer_process(stack.address) as process:
            before = await stack.wait_for(lambda head: head.version >= 1)
            feeding = feeding or asyncio.create_task(feed())
            await stack.wait_for(lambda head, at=before: head.version > at.version + 5)
            process.send_signal(signal.SIGKILL)
            await process.wait()
    enough.set()
    assert feeding is not None
    await feeding
    async with trainer_process(stack.address) as process:
        head = await stack.position(fed)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 60) == 0

    plain = plain_loop(examples[:fed])
    assert head.examples == fed
    assert dict(head.metrics) == dict(plain.metrics())
    assert (await stack.predictor()).predict(PROBE) == plain.predict(PROBE)


async def test_an_event_that_kills_the_trainer_is_set_aside_and_the_rest_is_learned(stack, tmp_path):
    (tmp_path / "deadly_models.py").write_text(
        textwrap.dedent(
            """
            import os
            from river import linear_model

            class Deadly(linear_model.LogisticRegression):
                def learn_one(self, x, y, w=1.0):
                    if x["a"] == 666:
                        os._exit(9)
                    super().learn_one(x, y, w)

            def make():
                return Deadly()
            """
        )
    )
    spec = "name: toy\ntask: binary\nfactory: deadly_models:make\nfeatures: {a: float, b: float, c: float}\n"
    await stack.client.register_model(spec)
    examples = rows(20)
    await stack.feed(examples[:10])
    deadly = event(99, ({"a": 666.0, "b": 0.0, "c": 0.0}, True))
    await stack.log.append("toy", Stream.EXAMPLES, [deadly])
    await stack.feed(examples[10:], start=10)

    deaths = 0
    while True:
        async with trainer_process(
            stack.address, RIVERRUN_FACTORIES="deadly_models:make", PYTHONPATH=str(tmp_path)
        ) as process:
            learned = asyncio.create_task(stack.position(21))
            died = asyncio.create_task(process.wait())
            await asyncio.wait([learned, died], return_when=asyncio.FIRST_COMPLETED)
            for task in (learned, died):
                task.cancel()
            if learned.done() and not learned.cancelled():
                break
            deaths += 1
            assert deaths <= 3

    head = await stack.head()
    assert (head.examples, offset_of(head)) == (20, 21)
    letters = [e async for b in stack.log.read("toy", Stream.DEAD_LETTERS, {}, follow=False) for e in b]
    assert [msgspec.json.decode(letter.body)["offset"] for letter in letters] == [10]
    assert deaths == 3


async def test_restarts_without_traffic_hold_nothing_against_the_next_event(stack):
    await stack.client.register_model(SPEC)
    for restart in range(4):
        async with trainer_process(stack.address), asyncio.timeout(60):
            while (await stack.client.list_models())[0].lines[0].epoch <= restart:
                await asyncio.sleep(0.02)
            await stack.wait_for(lambda head: head.version >= 1)

    examples = rows(50)
    async with trainer_process(stack.address):
        await stack.feed(examples)
        head = await stack.position(50)

    assert head.examples == 50
    assert await stack.log.end("toy", Stream.DEAD_LETTERS) == {0: 0}
    assert (await stack.predictor()).predict(PROBE) == plain_loop(examples).predict(PROBE)
