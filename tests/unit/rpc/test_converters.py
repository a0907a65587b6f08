"""Our types to protobuf and back, with every field set: nothing is lost on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from riverrun.core.errors import InvalidInput
from riverrun.core.events import Arrivals, OffsetRange, Stream
from riverrun.core.versions import Channel, Freshness, Line, Manifest, ModelInfo, ReaderInfo
from riverrun.rpc import converters

MANIFEST = Manifest(
    model="fraud",
    version=9,
    line=2,
    parent=8,
    epoch=5,
    digest=b"d" * 32,
    serving_root=b"s" * 32,
    trainer_root=b"t" * 32,
    spec_digest=b"p" * 32,
    created_ns=1_700_000_000_123_456_789,
    next_unit=77,
    positions={Stream.EXAMPLES: {0: 41}, Stream.LABELS: {0: 3, 1: 4}},
    watermark_ns=1_600_000_000_000_000_001,
    examples=41,
    metrics={"ROCAUC": 0.75},
    arrivals=Arrivals(5, 6),
    skipped=(OffsetRange(Stream.EXAMPLES, 0, 10, 20),),
    push_id="p-1",
    delta_bytes=512,
    good=True,
)
LINE = Line(2, 9, 5, b"p" * 32, True)
CHANNEL = Channel("live", 12, 9, 2)
MODEL = ModelInfo("fraud", "name: fraud", 3, (LINE,), (CHANNEL,), 1_700_000_000_000_000_001, "no label")
READER = ReaderInfo(
    "r-1", "127.0.0.1:8000", "fraud", "live", 9, 12, 1, "watch", 17, "digest", Freshness(0.004, 0.02, 9)
)


@pytest.mark.parametrize(
    ("value", "there", "back"),
    [
        (MANIFEST, converters.manifest_to_pb, converters.manifest_from_pb),
        (LINE, converters.line_to_pb, converters.line_from_pb),
        (CHANNEL, converters.channel_to_pb, converters.channel_from_pb),
        (Channel("live", 1, 9, None), converters.channel_to_pb, converters.channel_from_pb),
        (MODEL, converters.model_to_pb, converters.model_from_pb),
        (READER, converters.reader_to_pb, converters.reader_from_pb),
        (replace(READER, freshness=None), converters.reader_to_pb, converters.reader_from_pb),
    ],
)
def test_round_trip_keeps_every_field(value: Any, there: Any, back: Any) -> None:
    assert back(there(value)) == value


def test_unknown_stream_is_refused_naming_those_there_are() -> None:
    with pytest.raises(InvalidInput, match="expected one of predictions, labels, examples, dead_letters"):
        converters.stream_named("lables")
