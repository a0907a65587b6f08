"""Rows of `versions`: how a version is laid out in SQLite, and the checksums that prove it.

The identity of a row is the sha256 of its manifest, which never changes. Its checksum covers the
identity of the row before, its own, and everything that may change later: the bodies, the base that the
delta starts from, the good mark. So a changed, lost or exchanged row is found, and dropping old versions
touches their successor alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import msgspec

from riverrun.core.errors import DigestMismatch
from riverrun.core.versions import Channel, Manifest

INLINE_MAX = 64 << 10
"""Bodies up to this many bytes live in the row; larger ones in files."""


@dataclass(frozen=True, slots=True)
class Body:
    """The encoded serving side followed by the trainer side. `inline` None: in the file named by `sha`."""

    sha: bytes
    serving_bytes: int
    trainer_bytes: int
    inline: bytes | None

    @property
    def size(self) -> int:
        return self.serving_bytes + self.trainer_bytes

    @classmethod
    def of(cls, serving: bytes, trainer: bytes) -> tuple[Body, bytes]:
        """The body of two encoded sides and its bytes, which go inline where they are few."""
        content = serving + trainer
        inline = content if len(content) <= INLINE_MAX else None
        return cls(sha256(content).digest(), len(serving), len(trainer), inline), content


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """What is kept of a version for ever: its manifest, and what its push was answered."""

    manifest: Manifest
    moved: tuple[Channel, ...] = ()
    held: bool = False


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version as it is stored. `delta` starts from the version `base`; `snapshot` stands alone."""

    model: int
    stored: StoredManifest
    base: int
    delta: Body | None
    snapshot: Body | None
    good: bool = False

    @property
    def manifest(self) -> Manifest:
        return replace(self.stored.manifest, good=True) if self.good else self.stored.manifest

    @property
    def version(self) -> int:
        return self.stored.manifest.version


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(StoredManifest)

_COLUMNS = (
    "model, version, line, created_ns, good, manifest, base, delta_sha, delta_serving, delta_trainer, "
    "snapshot_sha, snapshot_serving, snapshot_trainer"
)


def insert(connection: sqlite3.Connection, row: VersionRow, previous_id: bytes) -> bytes:
    """Add `row` after the row with `previous_id`; its own identity."""
    document = _encoder.encode(row.stored)
    identity = sha256(document).digest()
    manifest = row.stored.manifest
    columns = [row.model, row.version, manifest.line, manifest.created_ns, int(row.good), document, row.base]
    connection.execute(
        f"INSERT INTO versions ({_COLUMNS}, delta, snapshot, checksum) "  # noqa: S608  # constants
        "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        [
            *columns,
            *_body_columns(row.delta),
            *_body_columns(row.snapshot),
            row.delta.inline if row.delta else None,
            row.snapshot.inline if row.snapshot else None,
            _checksum(previous_id, identity, row),
        ],
    )
    return identity


def update(connection: sqlite3.Connection, row: VersionRow) -> None:
    """Write what may change of `row` (bodies, base, mark), or the link to a row before it that went."""
    document = _encoder.encode(row.stored)
    before = connection.execute(
        "SELECT manifest FROM versions WHERE model=? AND version<? ORDER BY version DESC LIMIT 1",
        (row.model, row.version),
    ).fetchone()
    previous_id = sha256(before["manifest"]).digest() if before else b""
    connection.execute(
        "UPDATE versions SET good=?, base=?, delta_sha=?, delta_serving=?, delta_trainer=?, delta=?, "
        "snapshot_sha=?, snapshot_serving=?, snapshot_trainer=?, snapshot=?, checksum=? "
        "WHERE model=? AND version=?",
        [
            int(row.good),
            row.base,
            *_body_columns(row.delta),
            row.delta.inline if row.delta else None,
            *_body_columns(row.snapshot),
            row.snapshot.inline if row.snapshot else None,
            _checksum(previous_id, sha256(document).digest(), row),
            row.model,
            row.version,
        ],
    )


def select(connection: sqlite3.Connection, model: int, version: int) -> VersionRow | None:
    """The row of one version, its inline bodies included; None where it is not there."""
    found = connection.execute(
        f"SELECT {_COLUMNS}, delta, snapshot FROM versions WHERE model=? AND version=?",  # noqa: S608
        (model, version),
    ).fetchone()
    return None if found is None else from_columns(found)


def select_many(connection: sqlite3.Connection, condition: str, values: tuple[Any, ...]) -> list[VersionRow]:
    """Rows by a condition of constants and ``?``, their inline bodies included."""
    query = f"SELECT {_COLUMNS}, delta, snapshot FROM versions WHERE {condition}"  # noqa: S608
    return [from_columns(found) for found in connection.execute(query, values)]


@dataclass(frozen=True, slots=True)
class Listed:
    """A version without its bodies, but for their sizes."""

    manifest: Manifest
    delta_bytes: int
    snapshot_bytes: int

    @property
    def version(self) -> int:
        return self.manifest.version

    @property
    def line(self) -> int:
        return self.manifest.line

    @property
    def created_ns(self) -> int:
        return self.manifest.created_ns


def listed(connection: sqlite3.Connection, model: int, before: int, limit: int) -> list[Listed]:
    """The versions below `before` (0: all), newest first."""
    found = connection.execute(
        "SELECT manifest, good, delta_serving + delta_trainer AS delta_bytes, "
        "snapshot_serving + snapshot_trainer AS snapshot_bytes "
        "FROM versions WHERE model=? AND version<? ORDER BY version DESC LIMIT ?",
        (model, before or 1 << 62, limit),
    )
    return [
        Listed(
            replace(_decoder.decode(row["manifest"]).manifest, good=bool(row["good"])),
            row["delta_bytes"],
            row["snapshot_bytes"],
        )
        for row in found
    ]


def verified(connection: sqlite3.Connection, model: int, tail: tuple[int, bytes]) -> Iterator[VersionRow]:
    """All rows of a model, oldest first, each proven; raises `DigestMismatch` naming the row.

    `tail` is the version and identity that the newest row must have.
    """
    previous_id, version = b"", 0
    query = f"SELECT {_COLUMNS}, delta, snapshot, checksum FROM versions WHERE model=? ORDER BY version"  # noqa: S608
    for found in connection.execute(query, (model,)):
        what = f"row of version {found['version']} of model {model} in params.sqlite"
        identity = sha256(found["manifest"]).digest()
        try:
            row = from_columns(found)
        except msgspec.DecodeError:
            raise DigestMismatch(what, "a manifest", "other bytes") from None
        manifest = row.stored.manifest
        named = (manifest.version, manifest.line, manifest.created_ns)
        checksum = _checksum(previous_id, identity, row)
        if checksum != found["checksum"] or named != (found["version"], found["line"], found["created_ns"]):
            raise DigestMismatch(what, found["checksum"].hex(), checksum.hex())
        for body in (row.delta, row.snapshot):
            if body is not None and body.inline is not None:
                check_body(what, body, body.inline)
        yield row
        previous_id, version = identity, row.version
    if (version, previous_id) != tail:
        raise DigestMismatch(f"newest row of model {model} in params.sqlite", str(tail[0]), str(version))


def check_body(what: str, body: Body, content: bytes) -> None:
    """Raise `DigestMismatch` where `content` is not what `body` says."""
    found = sha256(content).digest()
    if found != body.sha or len(content) != body.size:
        raise DigestMismatch(what, body.sha.hex(), found.hex())


def from_columns(found: sqlite3.Row) -> VersionRow:
    """The row as a value; raises `msgspec.DecodeError` where its manifest is damaged."""
    return VersionRow(
        model=found["model"],
        stored=_decoder.decode(found["manifest"]),
        base=found["base"],
        delta=_body(found, "delta"),
        snapshot=_body(found, "snapshot"),
        good=bool(found["good"]),
    )


def _body(found: sqlite3.Row, kind: str) -> Body | None:
    sha = found[f"{kind}_sha"]
    if sha is None:
        return None
    return Body(sha, found[f"{kind}_serving"], found[f"{kind}_trainer"], found[kind])


def _body_columns(body: Body | None) -> tuple[bytes | None, int, int]:
    return (None, 0, 0) if body is None else (body.sha, body.serving_bytes, body.trainer_bytes)


def _checksum(previous_id: bytes, identity: bytes, row: VersionRow) -> bytes:
    changing = msgspec.msgpack.encode(
        (row.model, row.version, row.good, row.base, _body_columns(row.delta), _body_columns(row.snapshot))
    )
    return sha256(b"%b|%b|%b" % (previous_id, identity, changing)).digest()
