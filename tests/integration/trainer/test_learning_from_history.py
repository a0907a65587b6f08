"""What was learned long ago is learned again from history files, as if it lay in the log still."""

from __future__ import annotations

import pytest

from riverrun.core.events import Stream
from tests.integration.trainer.trainer_stack import (
    SPEC,
    eventually,
    param_server,
    plain_loop,
    rows,
    trainer,
    with_publish,
)

SOON = {"keep_events_s": 0.0, "keep_history_s": 3600.0, "retention_every_s": 0.05}


@pytest.fixture(autouse=True)
def small_files(monkeypatch):
    monkeypatch.setattr("riverrun.events.embedded.archiver.FILE_EVENTS", 40)
    monkeypatch.setattr("riverrun.events.embedded.archiver.WAIT_S", 0.0)


async def test_a_line_that_begins_again_learns_every_event_from_history(tmp_path):
    examples = rows(300)
    async with param_server(tmp_path, **SOON) as stack:
        await stack.client.register_model(with_publish("{every_events: 50, every: 200ms}"))
        async with trainer(stack.address):
            await stack.feed(examples)
            await stack.position(300)
        log = stack.server.event_log

        async def all_moved() -> bool:
            return log.streams.opened("toy", Stream.EXAMPLES).first_offset == 300

        await eventually(all_moved, within_s=60)
        before = await stack.head()
        line = await stack.client.reset("toy", 1, replay=True)
        async with trainer(stack.address):
            again = await stack.wait_for(lambda head: head.line == line.number and head.examples == 300)

    assert before.examples == 300
    assert again.serving_root == before.serving_root == plain_loop_root(examples)
    assert again.skipped == ()


def plain_loop_root(examples):
    learner = plain_loop(examples, SPEC)
    learner.changes()
    return learner.roots()[0]
