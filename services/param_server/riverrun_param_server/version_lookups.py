"""Lookups of versions by an index: which one is the newest, the next, the first. No body is read."""

from __future__ import annotations

import sqlite3


def created_after(connection: sqlite3.Connection, model: int, line: int, version: int) -> int | None:
    """When the next version of `line` after `version` was committed, None where there is none."""
    found = connection.execute(
        "SELECT created_ns FROM versions WHERE model=? AND line=? AND version>? ORDER BY version LIMIT 1",
        (model, line, version),
    ).fetchone()
    return None if found is None else int(found["created_ns"])


def first_base(connection: sqlite3.Connection, model: int, line: int) -> int:
    """What the oldest kept version of `line` starts from; 0 for nothing, or where there is none."""
    found = connection.execute(
        "SELECT base FROM versions WHERE model=? AND line=? ORDER BY version LIMIT 1", (model, line)
    ).fetchone()
    return 0 if found is None else int(found["base"])


def newest_good(connection: sqlite3.Connection, *, model: int, line: int, upto: int) -> int:
    """The newest version of `line`, `upto` included, that is marked good; 0 for none."""
    found = connection.execute(
        "SELECT max(version) AS version FROM versions WHERE model=? AND good=1 AND line=? AND version<=?",
        (model, line, upto),
    ).fetchone()
    return int(found["version"] or 0)


def newest_good_below(connection: sqlite3.Connection, *, model: int, version: int) -> int:
    """The newest version of any line below `version` that is marked good; 0 for none."""
    found = connection.execute(
        "SELECT max(version) AS version FROM versions WHERE model=? AND good=1 AND version<?",
        (model, version),
    ).fetchone()
    return int(found["version"] or 0)


def newest_before(connection: sqlite3.Connection, *, model: int, line: int, upto: int, before_ns: int) -> int:
    """The newest version of `line`, `upto` included, that was committed before a time; 0 for none."""
    found = connection.execute(
        "SELECT version FROM versions WHERE model=? AND line=? AND version<=? AND created_ns<? "
        "ORDER BY version DESC LIMIT 1",
        (model, line, upto, before_ns),
    ).fetchone()
    return 0 if found is None else int(found["version"])
