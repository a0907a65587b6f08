"""Versions on their way, to protobuf messages and back."""

from __future__ import annotations

from riverrun.api.params.v1 import params_pb2 as pb
from riverrun.core.events import Arrivals
from riverrun.rpc.converters import (
    channel_from_pb,
    channel_to_pb,
    manifest_from_pb,
    positions_from_pb,
    positions_to_pb,
    ranges_from_pb,
    ranges_to_pb,
)
from riverrun.rpc.times import seconds, timestamp, unix_ns
from riverrun.rpc.weights import Pulled, Push, Pushed


def push_to_pb(push: Push, *, inline: bool) -> pb.PushHeader:
    """The header that begins `push`; the whole of it when its bodies are `inline`."""
    return pb.PushHeader(
        model=push.model,
        line=push.line,
        epoch=push.epoch,
        base_version=push.base_version,
        push_id=push.push_id,
        serving_bytes=len(push.serving),
        trainer_bytes=len(push.trainer),
        inline_serving=push.serving if inline else b"",
        inline_trainer=push.trainer if inline else b"",
        snapshot=push.snapshot,
        serving_root=push.serving_root,
        trainer_root=push.trainer_root,
        next_unit=push.next_unit,
        positions=positions_to_pb(push.positions),
        watermark=timestamp(push.watermark_ns),
        examples=push.examples,
        metrics=dict(push.metrics),
        oldest_arrival=timestamp(push.arrivals.oldest_ns),
        newest_arrival=timestamp(push.arrivals.newest_ns),
        skipped=ranges_to_pb(push.skipped),
        spec_revision=push.spec_revision,
    )


def push_from_pb(header: pb.PushHeader) -> Push:
    """The push that `header` begins, with the bodies that it carries itself."""
    return Push(
        model=header.model,
        line=header.line,
        epoch=header.epoch,
        base_version=header.base_version,
        push_id=header.push_id,
        serving=header.inline_serving,
        trainer=header.inline_trainer,
        snapshot=header.snapshot,
        serving_root=header.serving_root,
        trainer_root=header.trainer_root,
        next_unit=header.next_unit,
        positions=positions_from_pb(header.positions),
        watermark_ns=unix_ns(header.watermark),
        examples=header.examples,
        metrics=tuple(header.metrics.items()),
        arrivals=Arrivals(unix_ns(header.oldest_arrival), unix_ns(header.newest_arrival)),
        skipped=ranges_from_pb(header.skipped),
        spec_revision=header.spec_revision,
    )


def pushed_to_pb(pushed: Pushed) -> pb.PushResponse:
    """`pushed` as a message."""
    return pb.PushResponse(
        store_id=pushed.store_id,
        version=pushed.version,
        digest=pushed.digest,
        moved=[channel_to_pb(channel) for channel in pushed.moved],
        held=pushed.held,
    )


def pushed_from_pb(answer: pb.PushResponse) -> Pushed:
    """The server's answer as ours."""
    return Pushed(
        store_id=answer.store_id,
        version=answer.version,
        digest=answer.digest,
        moved=tuple(channel_from_pb(channel) for channel in answer.moved),
        held=answer.held,
    )


def pulled_from_pb(header: pb.PullHeader, body: bytes) -> Pulled:
    """The pull that `header` and the whole `body` make."""
    return Pulled(
        store_id=header.store_id,
        manifest=manifest_from_pb(header.manifest),
        generation=header.generation,
        base_version=header.base_version,
        serving=body[: header.serving_bytes],
        trainer=body[header.serving_bytes :],
        spec_yaml=header.spec_yaml,
        unconfirmed_s=seconds(header.unconfirmed_for),
    )
