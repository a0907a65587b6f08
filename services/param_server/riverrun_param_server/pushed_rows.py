"""The row that a push becomes: a pure function of the model's record."""

from __future__ import annotations

from riverrun.core.digest import version_digest
from riverrun.core.versions import Manifest
from riverrun.rpc.weights import Push
from riverrun_param_server.gating import moved_by_push
from riverrun_param_server.records import LineRecord, ModelRecord
from riverrun_param_server.version_rows import Body, StoredManifest, VersionRow


def row_of(push: Push, record: ModelRecord, line: LineRecord, created_ns: int) -> VersionRow:
    """The next version of `line`, and the channels that it moves."""
    manifest = Manifest(
        model=record.name,
        version=record.next_version,
        line=line.number,
        parent=push.base_version,
        epoch=push.epoch,
        digest=version_digest(line.spec_digest, push.serving_root, push.trainer_root),
        serving_root=push.serving_root,
        trainer_root=push.trainer_root,
        spec_digest=line.spec_digest,
        created_ns=created_ns,
        next_unit=push.next_unit,
        positions=push.positions,
        watermark_ns=push.watermark_ns,
        examples=push.examples,
        metrics=dict(push.metrics),
        arrivals=push.arrivals,
        skipped=push.skipped,
        push_id=push.push_id,
        delta_bytes=len(push.serving),
    )
    moved = moved_by_push(record, line, manifest.version)
    body, _ = Body.of(push.serving, push.trainer)
    whole = push.snapshot or push.base_version == 0
    return VersionRow(
        model=record.id,
        stored=StoredManifest(manifest, moved, held=not moved),
        base=0 if whole else push.base_version,
        delta=None if whole else body,
        snapshot=body if whole else None,
    )
