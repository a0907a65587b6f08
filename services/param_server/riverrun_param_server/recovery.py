"""Opening a store: everything is verified before anything is answered."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from riverrun.core.errors import DigestMismatch
from riverrun.core.units import EMPTY
from riverrun.runtime.failpoints import reach
from riverrun_param_server import version_rows
from riverrun_param_server.blob_folder import write_durably
from riverrun_param_server.catalogue import Catalogue, Model, new_store_id
from riverrun_param_server.line_state import LineState
from riverrun_param_server.records import LineRecord, ModelRecord, decode_record, seal
from riverrun_param_server.snapshots import Snapshots
from riverrun_param_server.store import DATABASE, Store, spec_sha
from riverrun_param_server.version_reader import VersionReader
from riverrun_param_server.version_rows import Body

log = structlog.get_logger()

T = TypeVar("T")

STORE_ID_FILE = "store_id"


@dataclass(frozen=True, slots=True)
class Verified:
    """What a store holds: each part proven by its checksum."""

    records: tuple[ModelRecord, ...]
    specs: dict[bytes, str]
    versions: int
    removed_files: int


def verify(store: Store) -> Verified:
    """Check every row and file. Raises `DigestMismatch` naming what is damaged. Blocks."""
    return _proven(store, lambda connection: _verify(store, connection))


def _proven(store: Store, look: Callable[[sqlite3.Connection], T]) -> T:
    try:
        return store.database.run_now(look)
    except (sqlite3.Error, TypeError, ValueError, LookupError) as error:
        # A flipped bit in a type or a name gives text where bytes were, or a column of another name.
        raise DigestMismatch(f"file {DATABASE}", "rows of this program", str(error)) from error


def _verify(store: Store, connection: sqlite3.Connection) -> Verified:
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise DigestMismatch(f"file {DATABASE}", "an intact database", str(found))
    specs = {row["sha"]: row["yaml"] for row in connection.execute("SELECT * FROM specs")}
    for sha, text in specs.items():
        if spec_sha(text) != sha:
            raise DigestMismatch(f"spec {sha.hex()} in {DATABASE}", sha.hex(), spec_sha(text).hex())
    records: list[ModelRecord] = []
    wanted: set[bytes] = set()
    versions = 0
    for row in connection.execute("SELECT * FROM models ORDER BY id").fetchall():
        record = _record(row)
        records.append(record)
        for version in version_rows.verified(connection, record.id, (record.tail_version, record.tail_id)):
            versions += 1
            for body in (version.delta, version.snapshot):
                if body is not None and body.inline is None:
                    _check_file(store, record.name, version.version, body)
                    wanted.add(body.sha)
    orphans = connection.execute(
        "SELECT count(*) FROM versions WHERE model NOT IN (SELECT id FROM models)"
    ).fetchone()[0]
    if orphans:
        raise DigestMismatch(f"table models in {DATABASE}", "a row for each version's model", "none")
    return Verified(tuple(records), specs, versions, store.blobs.sweep(wanted))


def _record(row: sqlite3.Row) -> ModelRecord:
    what = f"row of model {row['name']} in {DATABASE}"
    found = seal(row["name"], row["body"])
    if found != row["seal"]:
        raise DigestMismatch(what, row["seal"].hex(), found.hex())
    try:
        record = decode_record(row["body"])
    except msgspec.MsgspecError as error:
        raise DigestMismatch(what, "a record of this program", str(error)) from error
    if (record.id, record.name) != (row["id"], row["name"]):
        raise DigestMismatch(what, f"{record.id} {record.name}", f"{row['id']} {row['name']}")
    return record


def _check_file(store: Store, model: str, version: int, body: Body) -> None:
    try:
        store.blobs.get(body.sha)
    except FileNotFoundError:
        path = store.blobs.path_of(body.sha)
        raise DigestMismatch(
            f"file {path} of version {version} of {model}", body.sha.hex(), "no file"
        ) from None


def open_store_id(store: Store) -> str:
    """The store's id; a new one where there is none, or where database and folder are not of one store."""
    file = store.folder / STORE_ID_FILE
    kept = _proven(store, _kept_id)
    beside = file.read_text().strip() if file.exists() else ""
    if kept and kept == beside:
        return kept
    if kept or beside:
        log.warning("database and folder are of two stores: taking a new id", database=kept, folder=beside)
    return renew_store_id(store)


def renew_store_id(store: Store) -> str:
    """Take an id that no reader has seen, durably: what readers hold of the old one counts no more."""
    fresh = new_store_id()
    store.database.run_now(lambda connection: write_store_id(connection, store.folder, fresh))
    return fresh


def write_store_id(connection: sqlite3.Connection, folder: Path, store_id: str) -> None:
    """Keep `store_id` in the database and beside it."""
    sealed = sha256(b"store_id\x00" + store_id.encode()).digest()
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('store_id',?,?)", (store_id, sealed))
    reach("start.half-identified")
    write_durably(folder / STORE_ID_FILE, store_id.encode())


def _kept_id(connection: sqlite3.Connection) -> str:
    rows = connection.execute("SELECT key, value, seal FROM meta").fetchall()
    row = next((row for row in rows if row["key"] == "store_id"), None)
    if row is None:
        if rows or connection.execute("SELECT 1 FROM models").fetchone() is not None:
            raise DigestMismatch(f"store_id in {DATABASE}", "an id", "none")
        return ""
    value = str(row["value"])
    if sha256(b"store_id\x00" + value.encode()).digest() != row["seal"]:
        raise DigestMismatch(f"store_id in {DATABASE}", row["seal"].hex(), value)
    return value


async def load(
    store: Store, catalogue: Catalogue, reader: VersionReader, snapshots: Snapshots, verified: Verified
) -> None:
    """Put every model into `catalogue`, the heads of its open lines rebuilt and proven by their roots."""
    started = time.perf_counter()
    for record in verified.records:
        model = Model(record, _specs_of(record, verified.specs))
        catalogue.add(model)
        for version in model.versions_in_use():
            model.manifests[version] = await catalogue.manifest(model, version)
        for line in record.open_lines:
            model.states[line.number] = await _line_state(model, line, reader, snapshots)
    log.info(
        "the store is verified",
        store_id=catalogue.store_id,
        models=len(verified.records),
        versions=verified.versions,
        removed_files=verified.removed_files,
        rebuilt_in_s=round(time.perf_counter() - started, 3),
    )


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
