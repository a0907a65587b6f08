"""Pushes whose answer is lost on the way: the version is there once, and learning goes on from it."""

import asyncio
import contextlib

from riverrun_trainer.line_context import Surroundings
from riverrun_trainer.trainer import Trainer

from riverrun.core.errors import Unavailable
from riverrun.rpc.channels import open_channel
from riverrun.rpc.event_log import RemoteEventLog
from riverrun.rpc.params_client import ParameterClient, Push, Pushed
from riverrun.runtime.lifecycle import Stop
from tests.integration.trainer.trainer_stack import SPEC, plain_loop, rows

PROBE = {"a": 0.3, "b": -1.2, "c": 2.0}


class LosesAnswers(ParameterClient):
    """Every other push reaches the server, but its first answer never comes back."""

    def __init__(self, channel) -> None:
        super().__init__(channel)
        self.sent: list[Push] = []
        self.lost = 0

    async def push(self, push: Push, *, deadline_s: float | None = None) -> Pushed:
        again = bool(self.sent) and self.sent[-1].push_id == push.push_id
        self.sent.append(push)
        answer = await super().push(push, deadline_s=deadline_s)
        if not again and len(self.sent) % 2 == 0:
            self.lost += 1
            raise Unavailable("the parameter server", "the answer was lost")
        return answer


async def test_a_lost_answer_is_asked_for_again_and_nothing_is_stored_twice(stack):
    await stack.client.register_model(SPEC)
    examples = rows(400)
    stop = Stop()
    async with open_channel(stack.address) as channel:
        client = LosesAnswers(channel)
        around = Surroundings(client, RemoteEventLog(channel), stop, "lossy", report_every_s=0.2)
        running = asyncio.create_task(Trainer(around, (), drain_s=5).run())
        try:
            await stack.wait_for(lambda head: head.version >= 1)
            for start in range(0, 400, 20):
                await stack.feed(examples[start : start + 20], start=start)
                await asyncio.sleep(0.01)
            head = await stack.position(400)
        finally:
            stop.ask()
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running

    distinct = {push.push_id: push for push in client.sent}
    assert client.lost >= 3
    assert head.version == len(distinct)
    assert all(push == distinct[push.push_id] for push in client.sent)
    assert head.epoch == 1
    assert head.examples == 400
    assert (await stack.predictor()).predict(PROBE) == plain_loop(examples).predict(PROBE)
