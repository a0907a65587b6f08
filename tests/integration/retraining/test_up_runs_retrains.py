"""A retrain on one machine, as people start it: `riverrun up` runs its process, and ends with it."""

from __future__ import annotations

import datetime
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from riverrun.client import Client
from riverrun.core.retraining import Retrain, RetrainPhase, RetrainState
from tests.integration.retraining.retrain_stack import (
    AT_ONCE,
    CHANGED,
    FORGETS_NOTHING,
    WRONG,
    Pace,
    examples,
)
from tests.integration.trainer.trainer_stack import Row
from tests.stacks import Stack, eventually, is_running

SPEC = FORGETS_NOTHING + "retrain: {take_over: {examples: 100}}\n"

pytestmark = pytest.mark.timeout(600)


def feed(client: Client, stream: Sequence[Row], start: int) -> None:
    entries = [
        {
            "features": features,
            "label": label,
            "event_id": f"e{number}",
            "time": (CHANGED + datetime.timedelta(seconds=number - WRONG)).isoformat(),
        }
        for number, (features, label) in enumerate(stream, start)
    ]
    answer = client.feedback_many("toy", entries)
    assert answer.accepted == len(stream), answer


def newest(client: Client) -> Retrain:
    return client.retrains("toy")[0]


def test_up_starts_it_again_when_it_is_killed_or_stopped_and_lets_it_end_when_it_took_over(
    start_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    spec = tmp_path / "toy.yaml"
    spec.write_text(SPEC)
    stack = start_stack(spec)
    stream = examples(6_000)
    fed = 1_500
    with stack.client() as client:
        feed(client, stream[:fed], 0)
        eventually(lambda: client.versions("toy")[0].examples == fed, within_s=60)

        command = [sys.executable, "-m", "riverrun.cli", "retrain", "start", "toy"]
        options = ["--since", CHANGED.isoformat(), "--reason", "labels came right", "--server", stack.server]
        said = subprocess.run([*command, *options], capture_output=True, text=True, check=True).stdout
        assert "takes over if it is better" in said

        def compared() -> bool:
            progress = newest(client).progress
            return progress is not None and progress.phase is RetrainPhase.COMPARING

        eventually(compared, within_s=60, what="a comparison")
        first = last = stack.record("retrain-toy-2")
        for number in (signal.SIGKILL, signal.SIGTERM):
            os.kill(last.pid, number)
            eventually(
                lambda pid=last.pid: any(r.name == first.name and r.pid != pid for r in stack.records()),
                within_s=60,
                what=f"another process after signal {number}",
            )
            last = stack.record(first.name)
            eventually(compared, within_s=60, what="a comparison")

        pace = Pace()

        def ended() -> bool:
            nonlocal fed
            retrain = newest(client)
            if pace.allows(retrain):
                feed(client, stream[fed : fed + AT_ONCE], fed)
                fed += AT_ONCE
            return retrain.state is not RetrainState.RUNNING

        eventually(ended, within_s=300, what="an end of the retrain")
        retrain = newest(client)
        assert retrain.state is RetrainState.TOOK_OVER, retrain

        feed(client, stream[fed : fed + 100], fed)
        fed += 100
        eventually(
            lambda: (head := client.versions("toy")[0]).line == 2 and head.examples == fed - WRONG,
            within_s=60,
            what="all examples learned once in the new line",
        )
        eventually(lambda: all(r.name != first.name for r in stack.records()), what="an end of its process")
        assert not is_running(first.pid)
