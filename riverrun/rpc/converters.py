"""Protobuf messages to our own types and back. Requests go no further in than this."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from riverrun.api.params.v1 import params_pb2 as pb
from riverrun.core.errors import InvalidInput
from riverrun.core.events import Arrivals, OffsetRange, Positions, Stream, Suspect
from riverrun.core.journal import JournalRecord
from riverrun.core.versions import Channel, Freshness, KeptVersion, Line, Manifest, ModelInfo, ReaderInfo
from riverrun.rpc.experiment_converters import experiment_from_pb, experiment_to_pb
from riverrun.rpc.times import timestamp, unix_ns


def stream_named(name: str) -> Stream:
    """The stream called `name`; raises `InvalidInput` naming those there are."""
    try:
        return Stream(name)
    except ValueError:
        known = ", ".join(stream.value for stream in Stream)
        raise InvalidInput("stream", f"expected one of {known}, got {name[:64]!r}") from None


def positions_to_pb(positions: Positions) -> list[pb.StreamPosition]:
    return [pb.StreamPosition(stream=s.value, offsets=dict(offsets)) for s, offsets in positions.items()]


def positions_from_pb(messages: Iterable[pb.StreamPosition]) -> Positions:
    return {stream_named(m.stream): dict(m.offsets) for m in messages}


def ranges_to_pb(ranges: Iterable[OffsetRange]) -> list[pb.OffsetRange]:
    return [
        pb.OffsetRange(stream=r.stream.value, partition=r.partition, start=r.start, end=r.end) for r in ranges
    ]


def ranges_from_pb(messages: Iterable[pb.OffsetRange]) -> tuple[OffsetRange, ...]:
    return tuple(OffsetRange(stream_named(m.stream), m.partition, m.start, m.end) for m in messages)


def suspects_to_pb(suspects: Iterable[Suspect]) -> list[pb.OpenSessionResponse.Suspect]:
    return [
        pb.OpenSessionResponse.Suspect(range=ranges_to_pb([one.range])[0], deaths=one.deaths)
        for one in suspects
    ]


def suspects_from_pb(messages: Iterable[pb.OpenSessionResponse.Suspect]) -> tuple[Suspect, ...]:
    return tuple(Suspect(ranges_from_pb([m.range])[0], m.deaths) for m in messages)


def manifest_to_pb(manifest: Manifest) -> pb.Manifest:
    return pb.Manifest(
        model=manifest.model,
        version=manifest.version,
        line=manifest.line,
        parent=manifest.parent,
        epoch=manifest.epoch,
        digest=manifest.digest,
        serving_root=manifest.serving_root,
        trainer_root=manifest.trainer_root,
        spec_digest=manifest.spec_digest,
        create_time=timestamp(manifest.created_ns),
        next_unit=manifest.next_unit,
        positions=positions_to_pb(manifest.positions),
        watermark=timestamp(manifest.watermark_ns),
        examples=manifest.examples,
        metrics=dict(manifest.metrics),
        oldest_arrival=timestamp(manifest.arrivals.oldest_ns),
        newest_arrival=timestamp(manifest.arrivals.newest_ns),
        skipped=ranges_to_pb(manifest.skipped),
        push_id=manifest.push_id,
        delta_bytes=manifest.delta_bytes,
        good=manifest.good,
    )


def manifest_from_pb(message: pb.Manifest) -> Manifest:
    return Manifest(
        model=message.model,
        version=message.version,
        line=message.line,
        parent=message.parent,
        epoch=message.epoch,
        digest=message.digest,
        serving_root=message.serving_root,
        trainer_root=message.trainer_root,
        spec_digest=message.spec_digest,
        created_ns=unix_ns(message.create_time),
        next_unit=message.next_unit,
        positions=positions_from_pb(message.positions),
        watermark_ns=unix_ns(message.watermark),
        examples=message.examples,
        metrics=dict(message.metrics),
        arrivals=Arrivals(unix_ns(message.oldest_arrival), unix_ns(message.newest_arrival)),
        skipped=ranges_from_pb(message.skipped),
        push_id=message.push_id,
        delta_bytes=message.delta_bytes,
        good=message.good,
    )


def kept_to_pb(version: KeptVersion) -> pb.ListVersionsResponse.Kept:
    return pb.ListVersionsResponse.Kept(
        delta_bytes=version.delta_bytes,
        snapshot_bytes=version.snapshot_bytes,
        reasons=version.reasons,
    )


def kept_from_pb(response: pb.ListVersionsResponse) -> list[KeptVersion]:
    return [
        KeptVersion(manifest_from_pb(manifest), kept.delta_bytes, kept.snapshot_bytes, tuple(kept.reasons))
        for manifest, kept in zip(response.versions, response.kept, strict=True)
    ]


def channel_to_pb(channel: Channel) -> pb.Channel:
    return pb.Channel(
        name=channel.name,
        generation=channel.generation,
        version=channel.version,
        follows_line=channel.follows or 0,
    )


def channel_from_pb(message: pb.Channel) -> Channel:
    return Channel(message.name, message.generation, message.version, message.follows_line or None)


def line_to_pb(line: Line) -> pb.Line:
    return pb.Line(
        number=line.number,
        head=line.head,
        epoch=line.epoch,
        spec_digest=line.spec_digest,
        closed=line.closed,
        retrain=line.retrain,
        since=timestamp(line.since_ns),
    )


def line_from_pb(message: pb.Line) -> Line:
    return Line(
        message.number,
        message.head,
        message.epoch,
        message.spec_digest,
        message.closed,
        message.retrain,
        unix_ns(message.since),
    )


def model_to_pb(info: ModelInfo) -> pb.ModelInfo:
    return pb.ModelInfo(
        name=info.name,
        spec_yaml=info.spec_yaml,
        spec_revision=info.spec_revision,
        lines=[line_to_pb(line) for line in info.lines],
        channels=[channel_to_pb(channel) for channel in info.channels],
        create_time=timestamp(info.created_ns),
        problem=info.problem,
        experiments=map(experiment_to_pb, info.experiments),
    )


def model_from_pb(message: pb.ModelInfo) -> ModelInfo:
    return ModelInfo(
        name=message.name,
        spec_yaml=message.spec_yaml,
        spec_revision=message.spec_revision,
        lines=tuple(line_from_pb(line) for line in message.lines),
        channels=tuple(channel_from_pb(channel) for channel in message.channels),
        created_ns=unix_ns(message.create_time),
        problem=message.problem,
        experiments=tuple(map(experiment_from_pb, message.experiments)),
    )


def freshness_to_pb(freshness: Freshness | None) -> pb.Freshness | None:
    if freshness is None:
        return None
    return pb.Freshness(p50_seconds=freshness.p50_s, p99_seconds=freshness.p99_s, swaps=freshness.swaps)


def freshness_from_pb(message: pb.Freshness) -> Freshness | None:
    """None where there were no swaps, as of a message that was not set."""
    if not message.swaps:
        return None
    return Freshness(message.p50_seconds, message.p99_seconds, message.swaps)


def reader_to_pb(reader: ReaderInfo) -> pb.Reader:
    return pb.Reader(
        reader_id=reader.reader_id,
        address=reader.address,
        model=reader.model,
        channel=reader.channel,
        version=reader.version,
        generation=reader.generation,
        lag=reader.lag,
        sync=reader.sync,
        problem=reader.problem,
        report_time=timestamp(reader.reported_ns),
        freshness=freshness_to_pb(reader.freshness),
    )


def reader_from_pb(message: pb.Reader) -> ReaderInfo:
    return ReaderInfo(
        reader_id=message.reader_id,
        address=message.address,
        model=message.model,
        channel=message.channel,
        version=message.version,
        generation=message.generation,
        lag=message.lag,
        sync=message.sync,
        reported_ns=unix_ns(message.report_time),
        problem=message.problem,
        freshness=freshness_from_pb(message.freshness),
    )


def record_to_pb(record: JournalRecord) -> pb.Record:
    return pb.Record(
        number=record.number,
        time=timestamp(record.time_ns),
        kind=record.kind,
        actor=record.actor,
        reason=record.reason,
        line=record.line,
        channel=record.channel,
        version=record.version,
        previous_version=record.previous,
        facts=msgspec.json.encode(record.facts) if record.facts else b"",
    )


def record_from_pb(message: pb.Record) -> JournalRecord:
    return JournalRecord(
        number=message.number,
        time_ns=unix_ns(message.time),
        kind=message.kind,
        actor=message.actor,
        reason=message.reason,
        line=message.line,
        channel=message.channel,
        version=message.version,
        previous=message.previous_version,
        facts=msgspec.json.decode(message.facts) if message.facts else {},
    )
