"""Pushes whose answer is lost on the way: the version is there once, and learning goes on from it."""

import asyncio
import contextlib

import pytest
from riverrun_trainer.line_context import Surroundings
from riverrun_trainer.trainer import Trainer

from riverrun.core.errors import Unavailable
from riverrun.rpc.channels import open_channel
from riverrun.rpc.event_log import RemoteEventLog
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.trainer_session import TrainerSession
from riverrun.rpc.weights import Push, Pushed
from riverrun.runtime.lifecycle import Stop
from tests.integration.trainer.trainer_stack import DEADLINE_S, SPEC, plain_loop, rows

PROBE = {"a": 0.3, "b": -1.2, "c": 2.0}


class LosingAnswers:
    """Every other version reaches the server over its session, but the answer never comes back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[Push] = []
        self.lost = 0
        in_session, by_call = TrainerSession.push, ParameterClient.push

        async def lossy(session: TrainerSession, push: Push) -> Pushed | None:
            self.sent.append(push)
            answer = await in_session(session, push, DEADLINE_S)
            if len({one.push_id for one in self.sent}) % 2 == 0:
                self.lost += 1
                raise Unavailable("the parameter server", "the answer was lost")
            return answer

        async def again(client: ParameterClient, push: Push) -> Pushed:
            self.sent.append(push)
            return await by_call(client, push)

        monkeypatch.setattr(TrainerSession, "push", lossy)
        monkeypatch.setattr(ParameterClient, "push", again)


async def test_a_lost_answer_is_asked_for_again_and_nothing_is_stored_twice(stack, monkeypatch):
    await stack.client.register_model(SPEC)
    examples = rows(400)
    stop = Stop()
    async with open_channel(stack.address) as channel:
        losing = LosingAnswers(monkeypatch)
        around = Surroundings(
            ParameterClient(channel, deadline_s=DEADLINE_S),
            RemoteEventLog(channel, deadline_s=DEADLINE_S),
            stop,
            "lossy",
            report_every_s=0.2,
        )
        running = asyncio.create_task(Trainer(around, (), drain_s=5).run())
        try:
            await stack.wait_for(lambda head: head.version >= 1)
            for start in range(0, 400, 20):
                await stack.feed(examples[start : start + 20], start=start)
                # At least every other lot is a version, however slow this is.
                await stack.position(start)
            head = await stack.position(400)
        finally:
            stop.ask()
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running

    distinct = {push.push_id: push for push in losing.sent}
    assert losing.lost >= 3
    assert head.version == len(distinct)
    assert len(losing.sent) == len(distinct) + losing.lost
    assert all(push == distinct[push.push_id] for push in losing.sent)
    assert head.epoch == 1
    assert head.examples == 400
    assert (await stack.predictor()).predict(PROBE) == plain_loop(examples).predict(PROBE)
