"""Looking at a store that no server uses: all of it is proven, and nothing is changed.

But for one thing, which any start would do as well: a transaction that a crash cut short is rolled back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from riverrun.core.errors import DigestMismatch, NotFound, Unavailable
from riverrun.events.embedded import proof as log_proof
from riverrun.events.embedded import schema as log_schema
from riverrun.events.embedded.history import FOLDER as HISTORY_FOLDER
from riverrun.events.embedded.history import History
from riverrun.runtime.sqlite.database_file import Found, find_damage, inspecting
from riverrun.runtime.sqlite.error_codes import is_damage
from riverrun.runtime.sqlite.store_format import Format, WrongFormat
from riverrun_param_server import identity
from riverrun_param_server.blob_folder import BlobFolder
from riverrun_param_server.proof import naming_the_file, prove, prove_weights
from riverrun_param_server.schema import DATABASE, FORMAT, LOG_DATABASE

MAX_STATE_BYTES = 1 << 34
"""Largest state that is decoded: more than any server's settings are likely to let in."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that is not as it was written, and must be."""

    what: str
    expected: str
    found: str


@dataclass(slots=True)
class Report:
    """What a store holds. `ok` is whether a server would start over it and every answer would be right.

    `notes` are what a start would put right, or what could not be proven and why. Counts are of what was
    proven before the first damage of each file.
    """

    folder: str
    store_id: str = ""
    store_format: int = 0
    models: int = 0
    versions: int = 0
    files: int = 0
    file_bytes: int = 0
    database_bytes: int = 0
    log_format: int = 0
    streams: int = 0
    events: int = 0
    ids: int = 0
    log_bytes: int = 0
    history_files: int = 0
    history_events: int = 0
    history_bytes: int = 0
    notes: list[str] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.damage


def examine(folder: Path) -> Report:
    """Prove every row, chain, file and version of the store in `folder`, and every event, those of history
    too; blocks.

    Raises `NotFound` where there is no store, `Unavailable` where a server uses it.
    """
    report = Report(str(folder))
    if not folder.is_dir():
        raise NotFound("store", str(folder))
    with _noting(report):
        identity.check_not_lost(folder)
    if not (folder / DATABASE).exists():
        if report.ok:
            raise NotFound("store", str(folder))
        return report
    kept_log = ""
    with _noting(report), _opened(report, folder / DATABASE, FORMAT) as (connection, found):
        report.store_format = found.version
        kept_log = naming_the_file(lambda c: _examine_store(c, folder, report))(connection)
    log = folder / LOG_DATABASE
    if log.exists():
        with _noting(report), _opened(report, log, log_schema.FORMAT) as (connection, found):
            report.log_format = found.version
            _examine_log(connection, kept_log, report)
    elif kept_log:
        report.damage.append(Damage(f"file {LOG_DATABASE}", f"the event log {kept_log}", "no file"))
    return report


def _examine_store(connection: sqlite3.Connection, folder: Path, report: Report) -> str:
    """Fill in what the parameters' side holds; the id of the event log that belongs to it."""
    report.database_bytes = (folder / DATABASE).stat().st_size
    report.store_id = identity.kept_store_id(connection)
    if report.store_id != identity.store_id_beside(folder):
        report.notes.append("database and folder are of two stores: the next start takes a new store_id")
    kept_log = identity.kept_log_id(connection)
    blobs = BlobFolder(folder / "bodies")
    proven = prove(connection, blobs)
    report.models, report.versions = len(proven.records), proven.versions
    report.files, report.file_bytes = len(proven.files), sum(proven.files.values())
    names = {sha.hex() for sha in proven.files}
    leftovers = sum(path.name not in names for path in (folder / "bodies").glob("*/*"))
    if leftovers:
        report.notes.append(f"{leftovers} files that no version names: the next start removes them")
    for record in proven.records:
        prove_weights(connection, blobs, record, MAX_STATE_BYTES)
    return kept_log


def _examine_log(connection: sqlite3.Connection, kept_log: str, report: Report) -> None:
    report.log_bytes = (Path(report.folder) / LOG_DATABASE).stat().st_size
    if report.log_format != log_schema.FORMAT.version:
        damage = find_damage(connection)
        if damage:
            raise DigestMismatch(f"file {LOG_DATABASE}", "an intact database", damage)
        report.notes.append(f"events of store format {report.log_format} carry no checksums: not proven")
        return
    proven = log_proof.prove(connection, LOG_DATABASE, whole=True)
    report.streams, report.events, report.ids = len(proven.streams), proven.events, proven.ids
    if kept_log and proven.log_id != kept_log:
        found = f"the event log {proven.log_id}"
        raise DigestMismatch(f"file {LOG_DATABASE}", f"the event log {kept_log}", found)
    history = History(Path(report.folder) / HISTORY_FOLDER, proven.streams, proven.files)
    for file in proven.files:
        report.history_events += history.prove(file)
        report.history_files += 1
        report.history_bytes += file.size
    leftovers = len(history.leftovers())
    if leftovers:
        report.notes.append(f"{leftovers} history files that no row names: the next start removes them")


@contextmanager
def _noting(report: Report) -> Iterator[None]:
    """Damage that the block meets goes into the report."""
    try:
        yield
    except DigestMismatch as error:
        report.damage.append(Damage(error.what, error.expected, error.found))


@contextmanager
def _opened(report: Report, path: Path, form: Format) -> Iterator[tuple[sqlite3.Connection, Found]]:
    try:
        with inspecting(path, form) as (connection, found):
            if found.cut_short:
                report.notes.append(f"{path.name}: a transaction that was cut short is rolled back")
            yield connection, found
    except WrongFormat as error:
        raise DigestMismatch(f"file {path.name}", f"store format {form.version}", str(error)) from error
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            raise Unavailable(f"the store in {path.parent}", "a parameter server uses it") from error
        if is_damage(error):
            raise DigestMismatch(f"file {path.name}", "a database of this program", str(error)) from error
        raise
