"""Opening a store: everything is verified before anything is answered, and what was found is told."""

from __future__ import annotations

import time
from dataclasses import dataclass

import structlog

from riverrun.core.errors import DigestMismatch
from riverrun.core.units import EMPTY
from riverrun.events.embedded.log import EmbeddedEventLog
from riverrun_param_server import backups, identity
from riverrun_param_server.catalogue import Catalogue, Model
from riverrun_param_server.identity import Identity
from riverrun_param_server.line_state import LineState
from riverrun_param_server.proof import Proven, naming_the_file, prove
from riverrun_param_server.records import LineRecord, ModelRecord
from riverrun_param_server.schema import DATABASE
from riverrun_param_server.snapshots import Snapshots
from riverrun_param_server.store import Store
from riverrun_param_server.version_reader import VersionReader

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Verified:
    """A store that is whole, and what had to be put right to make it so."""

    proven: Proven
    identity: Identity
    removed_files: int
    took_s: float

    @property
    def versions(self) -> int:
        return self.proven.versions


def verify(store: Store) -> Verified:
    """Check every row and file, and remove what a crash left behind. Blocks.

    Raises `DigestMismatch` naming what is damaged; nothing is removed then.
    """
    started = time.perf_counter()
    proven = store.database.run_now(naming_the_file(lambda connection: prove(connection, store.blobs)))
    opened = store.database.run_now(
        naming_the_file(lambda connection: identity.open_identity(connection, store.folder))
    )
    removed = store.blobs.sweep(set(proven.files)) + backups.sweep(store.folder)
    return Verified(proven, opened, removed, time.perf_counter() - started)


def report(store: Store, verified: Verified) -> None:
    """Log what the store was found to be and what was put right: one line at each start."""
    found, proven = store.database.found, verified.proven
    log.info(
        "the store is verified",
        store_id=verified.identity.store_id,
        new_id=verified.identity.new,
        store_format=found.version,
        rolled_back=found.cut_short,
        removed_files=verified.removed_files,
        models=len(proven.records),
        versions=proven.versions,
        files=len(proven.files),
        file_bytes=sum(proven.files.values()),
        took_s=round(verified.took_s, 3),
    )


def take_in_log(store: Store, event_log: EmbeddedEventLog) -> None:
    """Check that the event log is the store's own, remove what a crash left of history, and log what it was
    found to be. Blocks.

    Raises `DigestMismatch` where the store had another one.
    """
    found, proven = event_log.found, event_log.proven
    store.database.run_now(lambda connection: identity.own_log(connection, proven.log_id))
    log.info(
        "the event log is verified",
        log_format=found.version,
        rolled_back=found.cut_short,
        streams=len(proven.streams),
        events=proven.events,
        history_files=len(proven.files),
        removed_files=event_log.history.sweep(),
        whole=proven.whole,
    )


async def load(
    store: Store, catalogue: Catalogue, reader: VersionReader, snapshots: Snapshots, proven: Proven
) -> None:
    """Put every model into `catalogue`, the heads of its open lines rebuilt and proven by their roots."""
    started = time.perf_counter()
    for record in proven.records:
        model = Model(record, _specs_of(record, proven.specs))
        catalogue.add(model)
        for version in model.versions_in_use():
            model.manifests[version] = await catalogue.manifest(model, version)
        for line in record.open_lines:
            model.states[line.number] = await _line_state(model, line, reader, snapshots)
    log.info("the heads are rebuilt", took_s=round(time.perf_counter() - started, 3))


async def _line_state(
    model: Model, line: LineRecord, reader: VersionReader, snapshots: Snapshots
) -> LineState:
    if line.head == 0:
        return LineState(EMPTY)
    state, deltas, delta_bytes = await reader.state_and_chain(model.record.id, line.head)
    built = LineState(state)
    manifest = model.manifests[line.head]
    if built.roots != (manifest.serving_root, manifest.trainer_root):
        what = f"weights of version {line.head} of {model.name}"
        raise DigestMismatch(what, manifest.serving_root.hex(), built.roots[0].hex())
    snapshots.loaded(model, line.number, deltas, delta_bytes)
    return built


def _specs_of(record: ModelRecord, specs: dict[bytes, str]) -> dict[bytes, str]:
    wanted = {record.spec_sha, *(line.spec_sha for line in record.lines)}
    missing = wanted - specs.keys()
    if missing:
        raise DigestMismatch(f"specs of model {record.name} in {DATABASE}", missing.pop().hex(), "nothing")
    return {sha: specs[sha] for sha in wanted}
