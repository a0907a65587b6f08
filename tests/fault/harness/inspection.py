"""Asking a recovered store for everything that the oracle judges, over its API."""

from __future__ import annotations

import asyncio
import contextlib
import random

import grpc

from riverrun.codec.wire import decode_side
from riverrun.core.digest import HashTree
from riverrun.core.errors import NotFound
from riverrun.core.events import Stream
from riverrun.core.versions import LIVE, Manifest, ModelInfo
from riverrun.rpc.channels import open_channel
from riverrun.rpc.event_log import RemoteEventLog
from riverrun.rpc.params_client import ParameterClient
from tests.fault.harness.oracle import Found, FoundModel
from tests.fault.harness.process import DEADLINE_S

MAX_MODEL = 1 << 30


async def inspect(address: str, rng: random.Random, *, sampled: int = 3) -> Found:
    """All manifests and labels of the store behind `address`.

    Of each model the weights of the head and of `sampled` other versions are pulled and proven by their root.
    """
    channel = open_channel(address)
    try:
        await _connect(channel)
        client = ParameterClient(channel, deadline_s=DEADLINE_S)
        infos = await client.list_models()
        models = {info.name: await _model(client, info, rng, sampled) for info in infos}
        labels = {info.name: await _labels(channel, info.name) for info in infos}
        return Found(models, labels)
    finally:
        await channel.close()


async def pull_live(address: str, model: str) -> int:
    """The version of `model` that a reader gets; raises what the pull raises."""
    channel = open_channel(address)
    try:
        await _connect(channel)
        pulled = await ParameterClient(channel, deadline_s=DEADLINE_S).pull(
            model, channel=LIVE, max_bytes=MAX_MODEL
        )
        return pulled.manifest.version
    finally:
        await channel.close()


async def _connect(channel: grpc.aio.Channel) -> None:
    """One attempt may take longer than it is given on a busy machine: the first call would fail with it."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(channel.channel_ready(), DEADLINE_S)


async def _model(client: ParameterClient, info: ModelInfo, rng: random.Random, sampled: int) -> FoundModel:
    versions: list[Manifest] = []
    before = 0
    while page := await client.list_versions(info.name, limit=1000, before=before):
        versions += page
        before = page[-1].version
    versions.reverse()
    live = info.channel(LIVE)
    assert live is not None
    looked_at = [*rng.sample(versions, min(sampled, len(versions))), *versions[-1:]]
    wrong = [m.version for m in looked_at if not await _is_whole(client, m)]
    return FoundModel(versions, live.version, live.generation, wrong)


async def _is_whole(client: ParameterClient, manifest: Manifest) -> bool:
    try:
        pulled = await client.pull(manifest.model, version=manifest.version, max_bytes=MAX_MODEL)
    except NotFound:
        return await _has_gone(client, manifest)
    serving = decode_side(pulled.serving, max_bytes=MAX_MODEL).apply({})
    same = (pulled.manifest.version, pulled.manifest.digest) == (manifest.version, manifest.digest)
    return same and pulled.base_version == 0 and HashTree(serving).root == manifest.serving_root


async def _has_gone(client: ParameterClient, manifest: Manifest) -> bool:
    """Whether retention let go of a version since it was listed; what may go is the oracle's matter."""
    try:
        await client.get_version(manifest.model, manifest.version)
    except NotFound:
        return True
    return False


async def _labels(channel: grpc.aio.Channel, model: str) -> list[tuple[int, str]]:
    log = RemoteEventLog(channel, deadline_s=DEADLINE_S)
    found: list[tuple[int, str]] = []
    async for batch in log.read(model, Stream.LABELS, {}, follow=False, limit=10_000):
        found += [(event.offset, event.event_id) for event in batch]
    return found
