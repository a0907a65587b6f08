"""Which store this is, and which event log belongs to it.

The id is kept twice, in the database and in a file beside it: where the two differ, the folder was put
together from two stores or went back in time, and the server takes a new id (DECISIONS 15). Removing the
file is how a person says so.
"""

from __future__ import annotations

import sqlite3
import uuid
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import structlog

from riverrun.core.errors import DigestMismatch
from riverrun.runtime.failpoints import reach
from riverrun.runtime.folders import write_durably
from riverrun_param_server.schema import DATABASE, LOG_DATABASE

log = structlog.get_logger()

STORE_ID_FILE = "store_id"
_STORE_ID, _EVENT_LOG = "store_id", "event_log"


@dataclass(frozen=True, slots=True)
class Identity:
    """The store's id, and whether it was taken just now."""

    store_id: str
    new: bool


def open_identity(connection: sqlite3.Connection, folder: Path) -> Identity:
    """The store's id; a new one where there is none, or where database and folder are not of one store.

    Raises `DigestMismatch` for a damaged id, and for an empty database in the place of a store's.
    """
    kept = kept_store_id(connection)
    beside = store_id_beside(folder)
    if kept and kept == beside:
        return Identity(kept, new=False)
    if beside and not kept:
        raise DigestMismatch(f"file {folder / DATABASE}", f"the database of store {beside}", "an empty one")
    if kept:
        log.warning("database and folder are of two stores: taking a new id", database=kept, folder=beside)
        # Another log may have been put beside it as well.
        connection.execute("DELETE FROM meta WHERE key=?", (_EVENT_LOG,))
    return Identity(renew_store_id(connection, folder), new=True)


def renew_store_id(connection: sqlite3.Connection, folder: Path) -> str:
    """Take an id that no reader has seen, durably: what readers hold of the old one counts no more."""
    fresh = uuid.uuid4().hex
    write_store_id(connection, folder, fresh)
    return fresh


def write_store_id(connection: sqlite3.Connection, folder: Path, store_id: str) -> None:
    """Keep `store_id` in the database and beside it."""
    _put(connection, _STORE_ID, store_id)
    reach("start.half-identified")
    write_durably(folder / STORE_ID_FILE, store_id.encode())


def kept_store_id(connection: sqlite3.Connection) -> str:
    """The id in the database, empty in a new one. Raises `DigestMismatch` where it is damaged or gone."""
    kept = _meta(connection)
    if _STORE_ID in kept:
        return kept[_STORE_ID]
    if kept or connection.execute("SELECT 1 FROM models").fetchone() is not None:
        raise DigestMismatch(f"store_id in {DATABASE}", "an id", "none")
    return ""


def store_id_beside(folder: Path) -> str:
    """The id in the file beside the database, empty where there is none."""
    file = folder / STORE_ID_FILE
    return file.read_text(errors="replace").strip() if file.exists() else ""


def check_not_lost(folder: Path) -> None:
    """Raise `DigestMismatch` where the database is gone that a store's folder must have.

    Starting with an empty one would forget what was acknowledged without a word.
    """
    database = folder / DATABASE
    if database.exists() and database.stat().st_size:
        return
    if store_id_beside(folder) or any((folder / "bodies").glob("*/*")):
        found = "an empty file" if database.exists() else "no file"
        raise DigestMismatch(f"file {database}", "the database of this store", found)


def own_log(connection: sqlite3.Connection, log_id: str) -> None:
    """Remember which event log belongs to the store; a store that took a new id takes the one it finds.

    Raises `DigestMismatch` for another log than the one that was remembered: a log that was lost or
    exchanged must not go by as an empty one.
    """
    kept = kept_log_id(connection)
    if kept and kept != log_id:
        raise DigestMismatch(f"file {LOG_DATABASE}", f"the event log {kept}", f"the event log {log_id}")
    if not kept:
        _put(connection, _EVENT_LOG, log_id)


def kept_log_id(connection: sqlite3.Connection) -> str:
    """The id of the store's event log, empty where none is known."""
    return _meta(connection).get(_EVENT_LOG, "")


def _meta(connection: sqlite3.Connection) -> dict[str, str]:
    kept: dict[str, str] = {}
    for row in connection.execute("SELECT key, value, seal FROM meta"):
        key, value = str(row["key"]), str(row["value"])
        if key not in (_STORE_ID, _EVENT_LOG) or _seal(key, value) != row["seal"]:
            raise DigestMismatch(f"{key} in {DATABASE}", "as it was written", value)
        kept[key] = value
    return kept


def _put(connection: sqlite3.Connection, key: str, value: str) -> None:
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?,?,?)", (key, value, _seal(key, value)))


def _seal(key: str, value: str) -> bytes:
    return sha256(key.encode() + b"\x00" + value.encode()).digest()
