"""What verbs answer with ``--output json``: one stable shape for each thing, in plain values."""

from __future__ import annotations

import base64
import datetime
from typing import Any

import msgspec

from riverrun.client.answers import ModelStatus, SetAside, Status
from riverrun.core.retraining import Retrain
from riverrun.core.versions import Channel, KeptVersion, Line, Manifest, ModelInfo, ReaderInfo

Document = dict[str, Any]


def rfc3339(unix_ns: int) -> str | None:
    """The time in UTC with milliseconds; None for 0, which means that it is not known."""
    if not unix_ns:
        return None
    moment = datetime.datetime.fromtimestamp(unix_ns / 1e9, datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def channel_document(channel: Channel) -> Document:
    """A channel; `follows_line` null: it is held at `version`."""
    return {
        "name": channel.name,
        "version": channel.version,
        "generation": channel.generation,
        "follows_line": channel.follows,
        "held": channel.held,
    }


def line_document(line: Line) -> Document:
    """A line of versions."""
    return {
        "number": line.number,
        "head": line.head,
        "epoch": line.epoch,
        "closed": line.closed,
        "retrain": line.retrain,
        "since": rfc3339(line.since_ns),
    }


def retrain_document(retrain: Retrain) -> Document:
    """A retrain; `progress` is null where no process runs it."""
    progress = retrain.progress
    return {
        "model": retrain.model,
        "line": retrain.line,
        "state": retrain.state.value,
        "reason": retrain.reason,
        "automatic": retrain.automatic,
        "started": rfc3339(retrain.started_ns),
        "ended": rfc3339(retrain.ended_ns),
        "outcome": retrain.outcome,
        "since": rfc3339(retrain.since_ns),
        "progress": None
        if progress is None
        else {
            "phase": progress.phase.value,
            "examples": progress.examples,
            "behind": progress.behind,
            "compared": progress.compared,
            "excess_loss": progress.excess_loss,
            "excess_low": progress.excess_low,
            "excess_high": progress.excess_high,
            "problem": progress.problem,
        },
    }


def model_document(info: ModelInfo) -> Document:
    """A model; `problem` is empty when all is well."""
    return {
        "name": info.name,
        "spec_revision": info.spec_revision,
        "created": rfc3339(info.created_ns),
        "channels": [channel_document(channel) for channel in info.channels],
        "lines": [line_document(line) for line in info.lines],
        "problem": info.problem,
    }


def version_document(manifest: Manifest) -> Document:
    """A version; `positions` is where each stream is read next, by partition."""
    return {
        "model": manifest.model,
        "version": manifest.version,
        "line": manifest.line,
        "parent": manifest.parent,
        "epoch": manifest.epoch,
        "digest": manifest.digest.hex(),
        "spec_digest": manifest.spec_digest.hex(),
        "created": rfc3339(manifest.created_ns),
        "watermark": rfc3339(manifest.watermark_ns),
        "examples": manifest.examples,
        "metrics": dict(manifest.metrics),
        "positions": {stream.value: dict(offsets) for stream, offsets in manifest.positions.items()},
        "skipped": [
            {"stream": r.stream.value, "partition": r.partition, "start": r.start, "end": r.end}
            for r in manifest.skipped
        ],
        "delta_bytes": manifest.delta_bytes,
        "good": manifest.good,
    }


def kept_version_document(version: KeptVersion) -> Document:
    """A version and what is kept of it; `kept_for` is empty where it goes when the server next looks."""
    return {
        **version_document(version.manifest),
        "kept_for": list(version.reasons),
        "kept_delta_bytes": version.delta_bytes,
        "kept_snapshot_bytes": version.snapshot_bytes,
    }


def reader_document(reader: ReaderInfo) -> Document:
    """What one serving process reported of one channel."""
    return {
        "reader": reader.reader_id,
        "address": reader.address,
        "model": reader.model,
        "channel": reader.channel,
        "version": reader.version,
        "generation": reader.generation,
        "lag": reader.lag,
        "sync": reader.sync,
        "reported": rfc3339(reader.reported_ns),
        "problem": reader.problem,
    }


def freshness_document(reader: ReaderInfo) -> Document:
    """How fresh one serving process answers on one channel; `freshness_ms` is null before its first swap."""
    found = reader.freshness
    freshness_ms = None
    if found is not None:
        p50, p99 = (round(1000 * seconds, 3) for seconds in (found.p50_s, found.p99_s))
        freshness_ms = {"p50": p50, "p99": p99, "swaps": found.swaps}
    return {
        "reader": reader.reader_id,
        "address": reader.address,
        "model": reader.model,
        "channel": reader.channel,
        "version": reader.version,
        "lag": reader.lag,
        "sync": reader.sync,
        "reported": rfc3339(reader.reported_ns),
        "freshness_ms": freshness_ms,
    }


def letter_document(one: SetAside) -> Document:
    """A dead letter; `body` is the event where it is JSON, `body_base64` its bytes where it is not."""
    letter = one.letter
    try:
        body, raw = msgspec.json.decode(letter.body), None
    except (msgspec.DecodeError, UnicodeDecodeError):
        body, raw = None, base64.b64encode(letter.body).decode()
    return {
        "id": letter.id,
        "reason": letter.reason,
        "stream": letter.stream.value,
        "offset": letter.offset,
        "event_id": letter.event_id,
        "time": rfc3339(letter.time_ns),
        "received": rfc3339(letter.received_ns),
        "body": body,
        "body_base64": raw,
        "cut_from_bytes": letter.cut_from_bytes,
        "replayed": one.replayed,
    }


def model_status_document(status: ModelStatus) -> Document:
    """A model with its live version and its readers."""
    return {
        **model_document(status.model),
        "live": None if status.live is None else version_document(status.live),
        "readers": [reader_document(reader) for reader in status.readers],
    }


def status_document(status: Status) -> Document:
    """Everything: models, and the processes that the run folder names."""
    return {
        "models": [model_status_document(one) for one in status.models],
        "services": [
            {
                "service": record.service,
                "index": record.index,
                "pid": record.pid,
                "running": record.is_running,
                "ports": dict(record.ports),
                "log": record.log,
                "started": record.started,
            }
            for record in status.services
        ],
    }
