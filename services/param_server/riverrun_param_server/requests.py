"""Requests of ParameterService as our own types; what is wrong with one is said by field."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, TypeVar

import msgspec

from riverrun.api.params.v1 import params_pb2 as pb
from riverrun.core.errors import InvalidInput
from riverrun.core.events import OffsetRange
from riverrun.core.verdicts import Verdict
from riverrun.rpc.chunks import Joiner
from riverrun.rpc.converters import freshness_from_pb, ranges_from_pb
from riverrun.rpc.times import unix_ns
from riverrun.rpc.weight_converters import push_from_pb
from riverrun.rpc.weights import Push
from riverrun_param_server.channel_targets import ChannelWish
from riverrun_param_server.param_server import Held
from riverrun_param_server.pulls import PullWanted
from riverrun_param_server.readers import Report
from riverrun_param_server.watch_hub import Subscription

MAX_PAGE = 1000

M = TypeVar("M")


async def first(requests: AsyncIterator[M]) -> M:
    """The first request of a stream; raises `InvalidInput` when there is none."""
    async for request in requests:
        return request
    raise InvalidInput("request", "expected at least one message")


def opening(request: pb.OpenSessionRequest) -> pb.OpenSessionRequest.Open:
    """The opening of a session; raises `InvalidInput` for anything else."""
    if not request.HasField("open"):
        raise InvalidInput("request", "expected open first")
    if len(request.open.trainer_id) > 256:
        raise InvalidInput("open.trainer_id", "expected at most 256 characters")
    return request.open


def attempt(request: pb.OpenSessionRequest) -> OffsetRange:
    """What a trainer is about to learn; raises `InvalidInput` for an empty range or an unknown stream."""
    [range_] = ranges_from_pb([request.attempt])
    if not 0 <= range_.start < range_.end:
        raise InvalidInput("attempt", f"expected 0 <= start < end, got {range_.start} and {range_.end}")
    return range_


def verdict(request: pb.OpenSessionRequest.Judged) -> Verdict:
    """A verdict; raises `InvalidInput` where it is none."""
    for field in ("version", "hold_version", "reset_version"):
        if getattr(request, field) < 0:
            raise InvalidInput(f"judged.{field}", "expected 0 or more")
    try:
        facts = msgspec.json.decode(request.facts, type=dict[str, Any]) if request.facts else {}
    except msgspec.MsgspecError as error:
        raise InvalidInput("judged.facts", "expected a JSON object") from error
    return Verdict(
        version=request.version,
        passed=request.passed,
        kind=request.kind[:64],
        reason=request.reason,
        hold_version=request.hold_version,
        reset_version=request.reset_version,
        facts=facts,
    )


def push_header(request: pb.PushRequest) -> pb.PushHeader:
    """The header of a push; raises `InvalidInput` for anything else."""
    if not request.HasField("header"):
        raise InvalidInput("request", "expected header first")
    return _checked(request.header)


def inline_push(header: pb.PushHeader, key: tuple[str, int]) -> Push:
    """A push whole in its header, of the (model, line) `key`; raises `InvalidInput` for anything else."""
    push = push_from_pb(_checked(header))
    if (push.model, push.line) != key:
        raise InvalidInput("push.line", "expected the session's own model and line")
    if len(push.serving) != header.serving_bytes or len(push.trainer) != header.trainer_bytes:
        raise InvalidInput("push.serving_bytes", "expected both bodies inline")
    return push


def _checked(header: pb.PushHeader) -> pb.PushHeader:
    for field in ("serving_root", "trainer_root"):
        if len(getattr(header, field)) != 32:
            raise InvalidInput(f"header.{field}", "expected 32 bytes")
    for field in ("serving_bytes", "trainer_bytes", "next_unit", "examples", "base_version"):
        if getattr(header, field) < 0:
            raise InvalidInput(f"header.{field}", "expected 0 or more")
    return header


async def with_body(push: Push, header: pb.PushHeader, requests: AsyncIterator[pb.PushRequest]) -> Push:
    """`push` with the bodies of the chunks that follow; raises `InvalidInput` where they do not fit."""
    total = header.serving_bytes + header.trainer_bytes
    inline = len(push.serving) + len(push.trainer)
    if inline == total:
        # All is here: waiting for the stream's end would cost a small push a good part of its time.
        return push
    if inline:
        raise InvalidInput("header.inline_serving", f"expected all {total} bytes inline, or none")
    joiner = Joiner("body", total, max_bytes=total)
    async for request in requests:
        if not request.HasField("chunk"):
            raise InvalidInput("request", "expected one header, then chunks")
        joiner.add(request.chunk)
    body = joiner.joined()
    return replace(push, serving=body[: header.serving_bytes], trainer=body[header.serving_bytes :])


def pull_wanted(request: pb.PullRequest) -> PullWanted:
    """The pull that `request` asks for."""
    if not request.channel and request.version < 1:
        raise InvalidInput("target", "expected a channel or a version")
    return PullWanted(
        model=request.model,
        channel=request.channel,
        version=request.version,
        have=max(request.have_version, 0),
        trainer_state=request.trainer_state,
    )


def subscribe(request: pb.WatchRequest) -> pb.WatchRequest.Subscribe:
    """The subscription of a watch; raises `InvalidInput` for anything else."""
    if not request.HasField("subscribe"):
        raise InvalidInput("request", "expected subscribe first")
    return request.subscribe


def subscription(request: pb.WatchRequest.Subscribe) -> Subscription:
    """What the watcher wants to hear."""
    if len(request.reader_id) > 256 or len(request.address) > 256:
        raise InvalidInput("subscribe.reader_id", "expected at most 256 characters, the address too")
    return Subscription(models=frozenset(request.models), catalogue_only=request.catalogue_only)


def held(request: pb.WatchRequest.Subscribe) -> list[Held]:
    """What the watcher says it holds."""
    return [Held(have.model, have.channel, have.version, have.generation) for have in request.have]


def report_of(applied: pb.WatchRequest.Applied) -> Report:
    """What a reader answers with."""
    return Report(
        model=applied.model,
        channel=applied.channel,
        version=applied.version,
        generation=applied.generation,
        sync=applied.sync[:256],
        problem=applied.problem[:1024],
        reader_id=applied.reader_id[:256],
        address=applied.address[:256],
        gone=applied.gone,
        freshness=freshness_from_pb(applied.freshness),
    )


def channel_wish(request: pb.SetChannelRequest) -> ChannelWish:
    """Where `request` wants a channel; raises `InvalidInput` where it does not say."""
    match request.WhichOneof("target"):
        case "hold_version":
            return ChannelWish(hold_version=request.hold_version)
        case "hold_before":
            return ChannelWish(hold_before_ns=max(unix_ns(request.hold_before), 1))
        case "follow_line":
            return ChannelWish(follow_line=request.follow_line)
        case "hold_last_good" | "hold_here" | "follow" | "remove" as name if getattr(request, name):
            return ChannelWish(**{name: True})
        case _:
            raise InvalidInput("target", "expected one of the targets")


def is_replay(request: pb.ResetRequest) -> bool:
    """Whether the examples since are learned again; raises `InvalidInput` where it is not said."""
    if request.examples == pb.ResetRequest.EXAMPLES_UNSPECIFIED:
        raise InvalidInput("examples", "expected EXAMPLES_SKIP or EXAMPLES_REPLAY")
    return request.examples == pb.ResetRequest.EXAMPLES_REPLAY


def page_size(request: pb.ListVersionsRequest | pb.ListRecordsRequest) -> int:
    """How many versions or records are wanted."""
    if not 0 <= request.page_size <= MAX_PAGE:
        raise InvalidInput("page_size", f"expected 0 to {MAX_PAGE}, got {request.page_size}")
    return request.page_size or 100
