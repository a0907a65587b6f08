"""The streams of weights that a server and its read replicas give alike: Watch and Pull."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator

from riverrun.api.params.v1 import params_pb2 as pb
from riverrun.rpc.chunks import SENT_BYTES, split
from riverrun.rpc.converters import manifest_to_pb
from riverrun.rpc.times import duration
from riverrun_param_server import requests
from riverrun_param_server.param_server import Held
from riverrun_param_server.pulls import PullAnswer
from riverrun_param_server.readers import Readers
from riverrun_param_server.watch_hub import Subscription, Watcher, WatchHub

Join = Callable[[Subscription, str, Iterable[Held]], Watcher]
"""Lets somebody watch, who says what is held of which store."""


async def watch_messages(
    requests_in: AsyncIterator[pb.WatchRequest], join: Join, hub: WatchHub, readers: Readers
) -> AsyncIterator[bytes]:
    """The serialised responses of one watch; what its reader reports goes to `readers` meanwhile."""
    subscribe = requests.subscribe(await requests.first(requests_in))
    watcher = join(requests.subscription(subscribe), subscribe.have_store_id, requests.held(subscribe))
    readers.connect(watcher.number, subscribe.reader_id, subscribe.address)
    reports = asyncio.create_task(_take_reports(watcher.number, requests_in, readers))
    try:
        async for message in watcher.messages():
            yield message
    finally:
        reports.cancel()
        readers.disconnect(watcher.number)
        hub.leave(watcher)


async def _take_reports(number: int, requests_in: AsyncIterator[pb.WatchRequest], readers: Readers) -> None:
    async for request in requests_in:
        if request.HasField("applied"):
            readers.report(number, requests.report_of(request.applied))


def pull_messages(store_id: str, answer: PullAnswer) -> Iterator[pb.PullResponse]:
    """A pull's header, then its chunks."""
    yield pb.PullResponse(
        header=pb.PullHeader(
            store_id=store_id,
            manifest=manifest_to_pb(answer.manifest),
            generation=answer.generation,
            base_version=answer.base,
            serving_bytes=len(answer.serving),
            trainer_bytes=len(answer.trainer),
            spec_yaml=answer.spec_yaml,
            unconfirmed_for=duration(answer.unconfirmed_s),
        )
    )
    for body in (answer.serving, answer.trainer):
        for chunk in split(body, SENT_BYTES):
            yield pb.PullResponse(chunk=chunk)
