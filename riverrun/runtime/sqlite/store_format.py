"""Store formats: which tables a file has, by its version, and how older files are brought up."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from riverrun.runtime.sqlite.transactions import run_script, transaction


@dataclass(frozen=True, slots=True)
class Format:
    """What a file is: of which program (`application_id`), in which form (`version`), with which tables.

    `upgrades[n]` turns the tables of version n into those of n + 1, within a transaction of the caller's.
    Files of version 1 have no application id. Another schema is another version.
    """

    application_id: int
    version: int
    schema: str
    upgrades: Mapping[int, Callable[[sqlite3.Connection], None]] = field(default_factory=dict)

    @property
    def oldest(self) -> int:
        """The oldest version that can be read."""
        version = self.version
        while version - 1 in self.upgrades:
            version -= 1
        return version


class WrongFormat(ValueError):
    """A file that this program cannot read: newer than it, or of something else."""


def version_of(connection: sqlite3.Connection, path: Path, form: Format) -> int:
    """The version of the file's form, 0 for an empty one. Raises `WrongFormat`."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    application_id = int(connection.execute("PRAGMA application_id").fetchone()[0])
    if version == 0 and application_id == 0 and not _tables(connection):
        return 0
    if application_id != (0 if version == 1 else form.application_id):
        raise WrongFormat(f"{path} is of another program: its application id is {application_id:#x}")
    if version > form.version:
        raise WrongFormat(
            f"{path} has store format {version}, which is newer than format {form.version}, "
            "the newest that this program reads"
        )
    if version < form.oldest:
        raise WrongFormat(f"{path} has store format {version}; this program reads format {form.oldest} on")
    return version


def bring_up(connection: sqlite3.Connection, found: int, form: Format) -> None:
    """Bring a file of the version `found` up to `form`, in one transaction; 0: make the tables."""
    if found == form.version:
        return
    with transaction(connection):
        if found == 0:
            run_script(connection, form.schema)
        for version in range(found or form.version, form.version):
            form.upgrades[version](connection)
        connection.execute(f"PRAGMA application_id={form.application_id}")
        connection.execute(f"PRAGMA user_version={form.version}")


def check_tables(connection: sqlite3.Connection, path: Path, form: Format) -> None:
    """Raise `WrongFormat` unless the file has the tables of `form` and no others."""
    with contextlib.closing(sqlite3.connect(":memory:")) as fresh:
        fresh.executescript(form.schema)
        if [tuple(row) for row in _tables(connection)] != _tables(fresh):
            raise WrongFormat(f"{path} has other tables than those of store format {form.version}")


def _tables(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    return connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name").fetchall()
