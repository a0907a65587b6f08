"""Wrong input to every call about retrains. None is ever under way."""

from __future__ import annotations

import time
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from riverrun.api.retraining.v1 import retraining_pb2 as pb

_PROGRESS = pb.Retrain.Progress(phase=pb.Retrain.COMPARING)

RETRAINS: list[tuple[str, str, Any]] = [
    ("Start", "an unknown model", pb.StartRequest(model="nobody")),
    ("Start", "a model without a version", pb.StartRequest(model="houses")),
    ("Start", "a reason that is too long", pb.StartRequest(model="fraud", reason="x" * 1025)),
    (
        "Start",
        "a time that is to come",
        pb.StartRequest(model="fraud", since=Timestamp(seconds=int(time.time()) + 86_400)),
    ),
    ("List", "an unknown model", pb.ListRequest(model="nobody")),
    ("Cancel", "none under way", pb.CancelRequest(model="fraud")),
    ("Report", "no phase", pb.ReportRequest(model="fraud", line=9)),
    ("Report", "an unknown retrain", pb.ReportRequest(model="fraud", line=9, progress=_PROGRESS)),
    ("Finish", "an unknown retrain", pb.FinishRequest(model="fraud", line=9)),
]
