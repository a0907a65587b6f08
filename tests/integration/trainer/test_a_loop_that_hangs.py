"""A learning loop that hangs loses its lease, and what it learned in the old epoch is refused.

Also what the trainer's HTTP side says.
"""

import asyncio
import textwrap
import urllib.error
import urllib.request

import pytest

from riverrun.core.events import Stream
from riverrun.runtime.clock import SystemClock
from tests.integration.trainer.trainer_stack import (
    event,
    eventually,
    offset_of,
    param_server,
    rows,
    trainer,
    trainer_process,
)

SLEEPY = """
import os, time
from pathlib import Path
from river import linear_model

class Sleepy(linear_model.LogisticRegression):
    def learn_one(self, x, y, w=1.0):
        if x["a"] == 666 and os.environ["SLEEPS"]:
            Path(os.environ["SLEEPS"]).touch()
            while Path(os.environ["SLEEPS"]).exists():
                time.sleep(0.05)
        super().learn_one(x, y, w)

def make():
    return Sleepy()
"""

SPEC = "name: toy\ntask: binary\nfactory: sleepy_models:make\nfeatures: {a: float, b: float, c: float}\n"


pytestmark = pytest.mark.timeout(300)

LEASE_S = 600.0


class AheadClock(SystemClock):
    """This machine's time, and as much more as the test says has gone by."""

    ahead_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_s


def status(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except (urllib.error.URLError, TimeoutError):
        return 0


async def until_it_says(wanted: int, port: int, path: str = "/livez") -> None:
    async with asyncio.timeout(60):
        while await asyncio.to_thread(status, port, path) != wanted:
            await asyncio.sleep(0.05)


async def test_a_standby_takes_over_from_a_loop_that_hangs_and_its_late_push_is_refused(tmp_path, free_ports):
    ports = free_ports(2)
    clock = AheadClock()
    asleep = tmp_path / "asleep"
    (tmp_path / "sleepy_models.py").write_text(textwrap.dedent(SLEEPY))
    hanging, patient = (
        {
            "RIVERRUN_FACTORIES": "sleepy_models:make",
            "PYTHONPATH": str(tmp_path),
            "SLEEPS": sleeps,
            "RIVERRUN_TRAINER_HTTP_PORT": str(port),
        }
        for sleeps, port in zip((str(asleep), ""), ports, strict=True)
    )
    examples = rows(20)
    async with (
        param_server(tmp_path / "data", clock=clock, lease_s=LEASE_S) as stack,
        trainer_process(stack.address, **hanging),
    ):
        await stack.client.register_model(SPEC)
        first = await stack.wait_for(lambda head: head.version >= 1)
        await until_it_says(200, ports[0])
        async with trainer_process(stack.address, **patient) as standby:
            await until_it_says(200, ports[1], "/readyz")
            await stack.feed(examples[:10])
            await stack.log.append(
                "toy", Stream.EXAMPLES, [event(99, ({"a": 666.0, "b": 0.0, "c": 0.0}, True))]
            )
            await eventually(lambda: asyncio.to_thread(asleep.exists))
            await until_it_says(0, ports[0])
            clock.ahead_s += 2 * LEASE_S
            await stack.feed(examples[10:], start=10)
            head = await stack.position(21)
            assert standby.returncode is None
            # Nothing that the other one learned may come once it wakes up.
            asleep.unlink()
            await until_it_says(200, ports[0])
            await stack.feed(rows(5, seed=2), start=20)
            later = await stack.position(26)

    assert head.epoch > first.epoch
    assert (head.examples, offset_of(head)) == (21, 21)
    assert (later.epoch, later.examples) == (head.epoch, 26)


async def test_readiness_follows_the_parameter_server_and_metrics_are_there(stack, unused_port):
    await stack.client.register_model(
        SPEC.replace("factory: sleepy_models:make", "model: [linear_model.LogisticRegression]")
    )
    async with trainer("127.0.0.1:1", http_port=unused_port):
        async with asyncio.timeout(60):
            while (found := await asyncio.to_thread(status, unused_port, "/readyz")) == 0:
                await asyncio.sleep(0.05)
        assert found == 503
        await until_it_says(200, unused_port)

    async with trainer(stack.address, http_port=unused_port):
        await stack.wait_for(lambda head: head.version >= 1)
        await until_it_says(200, unused_port, "/readyz")

        def text() -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{unused_port}/metrics", timeout=60) as answer:
                return answer.read().decode()

        await stack.feed(rows(5))
        await stack.position(5)
        async with asyncio.timeout(60):
            while 'riverrun_trainer_examples_learned_total{model="toy"} ' not in await asyncio.to_thread(
                text
            ):
                await asyncio.sleep(0.05)
