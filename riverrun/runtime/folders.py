"""Folders on disk, and files put into them: what survives a power cut once the folder itself was synced."""

from __future__ import annotations

import os
from pathlib import Path

from riverrun.runtime import failpoints
from riverrun.runtime.failpoints import reach


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable: a new or renamed file without it can be undone by a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """`sync_folder` for the folder and every folder below it."""
    for inner in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
        sync_folder(inner)


def write_durably(path: Path, body: bytes) -> None:
    """Put `body` under `path` as a whole: readers see all of it or what was there before."""
    temporary = path.with_name(f"{path.name}.tmp")
    reach("file.before-write")
    try:
        with temporary.open("wb") as file:
            failpoints.write(file, body, "file.half-written")
            file.flush()
            reach("file.after-write")
            os.fsync(file.fileno())
    except OSError:
        # On a full disk what was written of it would take the room that others wait for.
        temporary.unlink(missing_ok=True)
        raise
    reach("file.after-fsync")
    temporary.rename(path)
    reach("file.after-rename")
    sync_folder(path.parent)
    reach("file.after-folder-fsync")
