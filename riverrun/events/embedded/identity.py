"""The identity of a log: its own id, which what lies beside it remembers."""

from __future__ import annotations

import sqlite3
import uuid

from riverrun.events.embedded import checksums


def log_id(connection: sqlite3.Connection) -> str:
    """The log's own id, made when it is first asked for. Raises `DigestMismatch` for a damaged one."""
    row = connection.execute("SELECT key, value, checksum FROM meta").fetchone()
    if row is not None:
        checksums.check("row of meta", row["checksum"], checksums.of_meta, (row["key"], row["value"]))
        return str(row["value"])
    made = uuid.uuid4().hex
    connection.execute("INSERT INTO meta VALUES ('log_id', ?, ?)", (made, checksums.of_meta("log_id", made)))
    return made
