"""A retrain of a model whose labels come by id: it joins all of history anew, and goes on joining."""

from __future__ import annotations

import asyncio
import datetime
import time
from collections.abc import Sequence
from pathlib import Path

from riverrun.core.events import NewEvent, Stream
from riverrun.core.joining_json import encode_label, encode_prediction
from riverrun.core.predictions import Prediction
from riverrun.core.retraining import RetrainState
from riverrun.core.versions import Manifest
from riverrun.rpc.channels import open_channel
from tests.integration.retraining.retrain_stack import (
    FORGETS_NOTHING,
    SECOND_NS,
    WRONG,
    Retraining,
    examples,
    has_ended,
    patient,
    retrain_process,
)
from tests.integration.trainer.trainer_stack import Row, param_server, trainer

SPEC = FORGETS_NOTHING + "label: {window: 2h}\nretrain: {take_over: {examples: 100}}\n"
SERVED = Prediction(True, {True: 0.6, False: 0.4})


class JoinedRetraining(Retraining):
    """Feeds predictions, and labels a second later each by its own time."""

    began_ns = time.time_ns() - 5_000 * SECOND_NS

    async def feed(self, more: Sequence[Row]) -> None:
        first, log = len(self.fed), self.stack.log
        times = [self.began_ns + n * SECOND_NS for n in range(first, first + len(more))]
        predictions = [
            NewEvent(f"p{n}", encode_prediction(features, SERVED, version=1, channel="live"), at_ns)
            for n, ((features, _), at_ns) in enumerate(zip(more, times, strict=True), first)
        ]
        labels = [
            NewEvent(f"l{n}", encode_label(f"p{n}", label), at_ns + SECOND_NS)
            for n, ((_, label), at_ns) in enumerate(zip(more, times, strict=True), first)
        ]
        for stream, events in ((Stream.PREDICTIONS, predictions), (Stream.LABELS, labels)):
            for part in range(0, len(events), 500):
                answers = await log.append("toy", stream, events[part : part + 500])
                assert not any(answer.refused for answer in answers)
        self.fed += more

    def has_all(self, head: Manifest, examples: int) -> bool:
        # A label that was taken may still wait for its prediction.
        return labels_of(head) >= len(self.fed) and head.examples >= examples


def labels_of(head: Manifest) -> int:
    return head.positions.get(Stream.LABELS, {}).get(0, 0)


async def test_history_is_joined_anew_and_each_label_counts_once(tmp_path: Path) -> None:
    stream = examples(5_000)
    async with (
        param_server(tmp_path / "data") as stack,
        trainer(stack.address),
        open_channel(stack.address) as channel,
    ):
        retraining = JoinedRetraining(stack, patient(stack, channel))
        await stack.client.register_model(SPEC)
        await retraining.feed(stream[:1_500])
        await retraining.at_the_end(1)
        # The label of the last wrong example has the time at which the first right one is predicted.
        since_ns = retraining.began_ns + (WRONG + 1) * SECOND_NS
        since = datetime.datetime.fromtimestamp(since_ns // 1_000 / 1e6, datetime.UTC)
        started = await retraining.retrains.start("toy", since=since)

        async with retrain_process(stack.address, started.line) as process:
            retrain = await retraining.fed_until(stream[1_500:4_500], has_ended)
            await asyncio.wait_for(process, 60)
        assert retrain.state is RetrainState.TOOK_OVER, retrain

        await retraining.feed(stream[len(retraining.fed) : len(retraining.fed) + 100])
        await retraining.assert_learned_once(started.line, retraining.fed[WRONG:], SPEC)
        assert await stack.log.end("toy", Stream.DEAD_LETTERS) == {0: 0}
