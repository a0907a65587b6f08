"""Processor time of each step on a label's way, in one process: no sockets, no processes to wake.

The real parts of all three services one after the other, for one label at a time: what `freshness`
measures less the messages between. Processor time hardly depends on what else the machine does, so a
change to the path can be judged by this where latencies say nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from riverrun_param_server import requests
from riverrun_param_server.app import building
from riverrun_param_server.settings import ParamServerSettings
from riverrun_param_server.watch_hub import Subscription
from riverrun_serving.core.feedback import entry_from
from riverrun_serving.core.model_slot import LoadedVersion, ModelSlot
from riverrun_serving.core.served_models import ServedModel
from riverrun_serving.sync.slot_sync import SlotSync
from riverrun_serving.sync.weights import LearnedWeights
from riverrun_trainer.captured import Captured
from riverrun_trainer.learning import Learning
from riverrun_trainer.line_context import SOURCE
from riverrun_trainer.publisher import Target, push_of

from benchmarks import workload
from benchmarks.figures import Figure, rounded
from riverrun.api.params.v1 import params_pb2 as pb
from riverrun.core.events import LoggedEvent, Stream
from riverrun.core.spec import parse_spec
from riverrun.core.steps import finish
from riverrun.events.embedded import EmbeddedEventLog
from riverrun.learners.build import build_learner
from riverrun.learners.factories import NO_FACTORIES
from riverrun.rpc.channels import open_channel
from riverrun.rpc.event_log import append_request
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.watching import Announced, change_from
from riverrun.rpc.weight_converters import push_to_pb
from riverrun.runtime.clock import SystemClock
from riverrun.runtime.logs import set_up_logs

LABELS, WARM_UP = 400, 100
LOW = 0.1
"""The share of labels that took no longer than what is printed: what others do only adds to it."""


class Steps:
    """The processor time of each step, of all threads, label by label."""

    def __init__(self) -> None:
        self._seconds: defaultdict[str, list[float]] = defaultdict(list)

    @contextlib.contextmanager
    def taking(self, step: str) -> Iterator[None]:
        """Count what the block takes for `step`."""
        begun = time.process_time()
        yield
        self._seconds[step].append(time.process_time() - begun)

    def microseconds(self) -> Iterator[tuple[str, float]]:
        """Each step in the order of its first taking, once warm."""
        for step, seconds in self._seconds.items():
            yield step, 1e6 * float(np.quantile(seconds[WARM_UP:], LOW))


async def measure(folder: Path) -> Steps:
    """Take `LABELS` labels of the linear model from feedback to the swap."""
    steps, spec, clock = Steps(), parse_spec(workload.PHISHING.spec), SystemClock()
    served, event_log = ServedModel(spec.name, spec), EmbeddedEventLog(folder / "events.sqlite")
    async with (
        building(ParamServerSettings(data=folder / "params"), clock) as server,
        open_channel("127.0.0.1:1") as unused,
    ):
        await server.registry.register(workload.PHISHING.spec, 0)
        session, opening = await server.sessions.open(spec.name, 1, "path-cost")
        target = Target(spec.name, 1, opening.epoch, server.store_id)
        learning = Learning(spec, build_learner(spec), offsets={0: 0})
        watcher = server.hub.join(Subscription(models=frozenset({spec.name})))
        announcements = watcher.messages()
        slot = ModelSlot(spec.name, "live")
        weights, client = LearnedWeights(NO_FACTORIES, 1 << 30), ParameterClient(unused)
        sync = SlotSync(
            slot, client, weights, clock, lambda _: None, store_id=server.store_id, keep_units=False
        )

        async def publish(captured: Captured, head: int) -> Announced:
            with steps.taking("trainer: the version as a message"):
                push = push_of(captured, target, head, SOURCE, ())
                message = pb.OpenSessionRequest(push=push_to_pb(push, inline=True)).SerializeToString()
            with steps.taking("parameter server: read the version"):
                header = pb.OpenSessionRequest.FromString(message).push
                received = requests.inline_push(header, session.key)
            with steps.taking("parameter server: verify, commit"):
                await server.pushes.push(received)
            while True:
                with steps.taking("parameter server: announce"):
                    announcement = await anext(announcements)
                with steps.taking("serving: read the announcement"):
                    change = change_from(pb.WatchResponse.FromString(announcement))
                if isinstance(change, Announced) and change.manifest.version == head + 1:
                    return change

        first = learning.capture()
        change = await publish(first, 0)
        units = finish(weights.decoding(first.serving)).changed
        predictor = finish(weights.opening(spec, units, first.serving_root))
        slot.swap(
            LoadedVersion(server.store_id, change.manifest, spec, "", predictor, change.generation), 0, None
        )
        row, _ = next(workload.endless())
        slot.answered_row = dict(row)
        for place, (features, label) in zip(range(LABELS), workload.endless(), strict=False):
            entry = json.loads(json.dumps({"id": f"e{place}", "features": features, "label": label}))
            with steps.taking("serving: check the label, write its message"):
                event = entry_from(served, entry).event
                append_request(spec.name, Stream.EXAMPLES, [event]).SerializeToString()
            with steps.taking("event log: commit"):
                [appended] = await event_log.append(spec.name, Stream.EXAMPLES, [event])
            now_ns = clock.wall_ns()
            with steps.taking("trainer: predict, score, learn"):
                learning.take([LoggedEvent(appended.offset, event.event_id, now_ns, now_ns, event.body)])
                learning.check_finite()
            with steps.taking("trainer: encode, hash"):
                captured = learning.capture()
            change = await publish(captured, place + 1)
            with steps.taking("serving: apply, prove, try, swap"):
                sync.offer(change)
                await sync.catch_up()
            if slot.current is None or slot.current.version != change.manifest.version:
                raise RuntimeError(f"version {change.manifest.version} was not taken: {slot.problem}")
        server.sessions.close(session)
    await event_log.close()
    return steps


def main() -> None:
    set_up_logs("path-cost", level="warning", form="console")
    with tempfile.TemporaryDirectory(prefix="riverrun-bench-") as folder:
        steps = asyncio.run(measure(Path(folder)))
    note = f"one label in one version of scaled logistic regression; {LOW:.0%} of the labels took no longer"
    for step, microseconds in steps.microseconds():
        print(Figure(f"path_cost: {step}", rounded(microseconds), "CPU-us", note=note).line())


if __name__ == "__main__":
    main()
