"""Proving a store: every row by its checksum, every file by its name, every version by its roots."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from riverrun.core.digest import HashTree, version_digest
from riverrun.core.errors import DigestMismatch, RiverrunError
from riverrun.core.units import Delta
from riverrun.runtime.sqlite.database_file import find_damage
from riverrun.runtime.sqlite.error_codes import is_damage
from riverrun_param_server import journal, version_rows
from riverrun_param_server.blob_folder import BlobFolder
from riverrun_param_server.chains import decode_delta
from riverrun_param_server.records import ModelRecord, decode_record, seal
from riverrun_param_server.schema import DATABASE
from riverrun_param_server.store import spec_sha
from riverrun_param_server.version_rows import Body, VersionRow

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Proven:
    """What a store holds, each part proven by its checksum; `files` are the large bodies' sizes by sha256."""

    records: tuple[ModelRecord, ...]
    specs: dict[bytes, str]
    versions: int
    files: dict[bytes, int]


def naming_the_file(look: Callable[[sqlite3.Connection], T]) -> Callable[[sqlite3.Connection], T]:
    """`look`, with what SQLite and Python say of damaged rows as `DigestMismatch`."""

    def looked(connection: sqlite3.Connection) -> T:
        try:
            return look(connection)
        except Exception as error:
            if is_damage(error):
                # A flipped bit in a type or a name gives text where bytes were, or another column.
                raise DigestMismatch(f"file {DATABASE}", "rows of this program", str(error)) from error
            raise

    return looked


def prove(connection: sqlite3.Connection, blobs: BlobFolder) -> Proven:
    """Check every row and file. Raises `DigestMismatch` naming what is damaged. Blocks."""
    damage = find_damage(connection)
    if damage:
        raise DigestMismatch(f"file {DATABASE}", "an intact database", damage)
    specs = {row["sha"]: row["yaml"] for row in connection.execute("SELECT * FROM specs")}
    for sha, text in specs.items():
        if spec_sha(text) != sha:
            raise DigestMismatch(f"spec {sha.hex()} in {DATABASE}", sha.hex(), spec_sha(text).hex())
    # Older forms, looked at without being brought up to this one, have none.
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE name='journal'")]
    records: list[ModelRecord] = []
    files: dict[bytes, int] = {}
    versions = 0
    for row in connection.execute("SELECT * FROM models ORDER BY id").fetchall():
        record = _record(row)
        records.append(record)
        if tables:
            journal.prove(connection, record)
        for version in _rows(connection, record):
            versions += 1
            for body in (version.delta, version.snapshot):
                if body is not None and body.inline is None and body.sha not in files:
                    _check_file(blobs, record.name, version.version, body)
                    files[body.sha] = body.size
    for table in ("versions", *tables):
        orphans = connection.execute(
            f"SELECT count(*) FROM {table} WHERE model NOT IN (SELECT id FROM models)"  # noqa: S608  # constants
        ).fetchone()[0]
        if orphans:
            raise DigestMismatch(f"table models in {DATABASE}", f"a row for each model of {table}", "none")
    return Proven(tuple(records), specs, versions, files)


def prove_weights(
    connection: sqlite3.Connection, blobs: BlobFolder, record: ModelRecord, max_bytes: int
) -> int:
    """Rebuild every version of a model, oldest first, and compare its roots; how many there are.

    Costs what was changed over the model's life, and in memory a hash tree for each branch. Raises
    `DigestMismatch` naming the version.
    """
    query = "SELECT base, count(*) FROM versions WHERE model=? AND delta_sha IS NOT NULL GROUP BY base"
    children = Counter(dict(tuple(row) for row in connection.execute(query, (record.id,))))
    trees: dict[int, tuple[HashTree, HashTree]] = {}
    count = 0
    for row in _rows(connection, record):
        manifest = row.stored.manifest
        what = f"weights of version {row.version} of {record.name}"
        roots = (manifest.serving_root, manifest.trainer_root)
        if version_digest(manifest.spec_digest, *roots) != manifest.digest:
            raise DigestMismatch(
                f"manifest of version {row.version} of {record.name}", "its digest", "another"
            )
        grown: tuple[HashTree, HashTree] | None = None
        if row.snapshot is not None:
            grown = HashTree(), HashTree()
            _grow(grown, _decoded(blobs, what, row.snapshot, max_bytes), what, roots)
        if row.delta is not None:
            if row.base not in trees:
                raise DigestMismatch(what, f"version {row.base}, which its delta starts from", "none")
            children[row.base] -= 1
            kept = trees[row.base]
            # The last one that starts from there may have the trees for itself.
            grown = (kept[0].copy(), kept[1].copy()) if children[row.base] else trees.pop(row.base)
            _grow(grown, _decoded(blobs, what, row.delta, max_bytes), what, roots)
        if grown is None:
            raise DigestMismatch(what, "a snapshot or a delta", "neither")
        if children[row.version]:
            trees[row.version] = grown
        count += 1
    return count


def _grow(trees: tuple[HashTree, HashTree], delta: Delta, what: str, roots: tuple[bytes, bytes]) -> None:
    for tree, side, root in zip(trees, (delta.serving, delta.trainer), roots, strict=True):
        tree.update(side)
        if tree.root != root:
            raise DigestMismatch(what, root.hex(), tree.root.hex())


def _decoded(blobs: BlobFolder, what: str, body: Body, max_bytes: int) -> Delta:
    content = blobs.get(body.sha) if body.inline is None else body.inline
    try:
        return decode_delta(content[: body.serving_bytes], content[body.serving_bytes :], max_bytes=max_bytes)
    except RiverrunError as error:
        raise DigestMismatch(what, "encoded units", str(error)) from error


def _rows(connection: sqlite3.Connection, record: ModelRecord) -> Iterator[VersionRow]:
    return version_rows.verified(connection, record.id, (record.tail_version, record.tail_id))


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


def _check_file(blobs: BlobFolder, model: str, version: int, body: Body) -> None:
    try:
        blobs.get(body.sha)
    except FileNotFoundError:
        what = f"file {blobs.path_of(body.sha)} of version {version} of {model}"
        raise DigestMismatch(what, body.sha.hex(), "no file") from None
