"""Making a store of a backup: every byte is proven before it counts, and the store is a new one."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath

import msgspec

from riverrun.core.backups import CONTENTS, FORMAT, BackedUpFile, Contents
from riverrun.core.errors import AlreadyExists, DigestMismatch, InvalidInput, NotFound
from riverrun.runtime.folders import sync_folder, sync_tree
from riverrun.runtime.sqlite.database import Database
from riverrun_param_server import schema
from riverrun_param_server.examination import Report, examine
from riverrun_param_server.identity import renew_store_id

PARTIAL = ".restoring"
"""What the folder is called until everything in it is proven."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A store that a backup became; `report` is what it holds."""

    folder: str
    store_id: str
    backup_of: str
    made: str
    report: Report


def restore(backup: Path, folder: Path) -> Restored:
    """Make the store `folder`, which must be empty or not there, of `backup`; blocks.

    Each version keeps its number and digest, and the store gets a new id: readers take what they hold of
    the old one for another history (DECISIONS 15). Raises `NotFound` for what is no whole backup,
    `DigestMismatch` for a damaged one, `AlreadyExists`; `folder` is then as it was.
    """
    contents = _contents(backup)
    if folder.exists() and (not folder.is_dir() or next(folder.iterdir(), None) is not None):
        raise AlreadyExists("folder", str(folder))
    partial = folder.with_name(folder.name + PARTIAL)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        for file in contents.files:
            _copy(backup, partial, file)
        (partial / "bodies").mkdir(exist_ok=True)
        _renewed(partial)
        report = examine(partial)
        if report.damage:
            first = report.damage[0]
            raise DigestMismatch(f"{first.what} of the backup", first.expected, first.found)
        sync_tree(partial)
        partial.replace(folder)
        sync_folder(folder.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    report.folder = str(folder)
    return Restored(str(folder), report.store_id, contents.store_id, contents.made, report)


def _contents(backup: Path) -> Contents:
    try:
        contents = msgspec.json.decode((backup / CONTENTS).read_bytes(), type=Contents)
    except FileNotFoundError:
        raise NotFound("backup", str(backup), "no whole one: it was cut short, or never begun") from None
    except msgspec.DecodeError as error:
        raise DigestMismatch(f"file {backup / CONTENTS}", "the list of a backup", str(error)) from error
    if contents.format > FORMAT:
        raise InvalidInput("backup", f"has format {contents.format}; this program reads format {FORMAT}")
    return contents


def _copy(backup: Path, into: Path, file: BackedUpFile) -> None:
    place = PurePosixPath(file.path)
    if place.is_absolute() or ".." in place.parts:
        raise InvalidInput("path", f"expected a path within the backup, got {file.path[:200]!r}")
    hashed = sha256()
    target = into / place
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source = (backup / place).open("rb")
    except FileNotFoundError:
        raise DigestMismatch(f"file {backup / place}", file.sha256, "no file") from None
    with source, target.open("xb") as copy:
        while chunk := source.read(1 << 20):
            hashed.update(chunk)
            copy.write(chunk)
        copy.flush()
        os.fsync(copy.fileno())
    if hashed.hexdigest() != file.sha256:
        raise DigestMismatch(f"file {backup / place}", file.sha256, hashed.hexdigest())


def _renewed(folder: Path) -> None:
    """Give the store in `folder` an id that no store had before."""
    opened = Database(folder / schema.DATABASE, schema.FORMAT)
    try:
        opened.run_now(lambda connection: renew_store_id(connection, folder))
    finally:
        opened.close()
