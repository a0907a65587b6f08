"""What a model looks like from outside: its channels, how fresh they are, how well they do."""

from __future__ import annotations

import datetime
from typing import Any

from riverrun.core.versions import Freshness, Manifest
from riverrun_serving.core.model_slot import ModelSlot
from riverrun_serving.core.served_models import ServedModel


def model_json(model: ServedModel, now: float) -> dict[str, Any]:
    """The whole of ``GET /v1/models/{model}``; `now` is monotonic."""
    return {
        "name": model.name,
        "ready": model.ready,
        "task": model.spec.task,
        "sync": model.spec.sync.describe(),
        "problem": model.info.problem if model.info is not None else "",
        "channels": {name: channel_json(slot, now) for name, slot in sorted(model.slots.items())},
    }


def channel_json(slot: ModelSlot, now: float) -> dict[str, Any]:
    """One channel: the version it answers with, or null before the first."""
    current = slot.current
    if current is None:
        return {"version": None, "problem": slot.problem}
    manifest = current.manifest
    return {
        "version": manifest.version,
        "generation": current.generation,
        "age_seconds": round(slot.age_s(now), 3),
        "version_time": rfc3339(manifest.created_ns),
        "line": manifest.line,
        "digest": manifest.digest.hex(),
        "examples": manifest.examples,
        "metrics": dict(manifest.metrics),
        "freshness_ms": _freshness_ms(slot.freshness()),
        "problem": slot.problem,
    }


def _freshness_ms(freshness: Freshness | None) -> dict[str, float]:
    if freshness is None:
        return {}
    return {
        "p50": round(1000 * freshness.p50_s, 3),
        "p99": round(1000 * freshness.p99_s, 3),
        "swaps": freshness.swaps,
    }


def manifest_json(manifest: Manifest) -> dict[str, Any]:
    """One version in a list of versions."""
    return {
        "version": manifest.version,
        "line": manifest.line,
        "parent": manifest.parent,
        "epoch": manifest.epoch,
        "digest": manifest.digest.hex(),
        "version_time": rfc3339(manifest.created_ns),
        "examples": manifest.examples,
        "metrics": dict(manifest.metrics),
        "delta_bytes": manifest.delta_bytes,
        "good": manifest.good,
    }


def rfc3339(unix_ns: int) -> str:
    """Unix nanoseconds as people and machines write a time."""
    moment = datetime.datetime.fromtimestamp(unix_ns / 1e9, datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
