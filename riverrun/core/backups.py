"""What a backup says of itself: written last, so that an interrupted one has nothing to say."""

from __future__ import annotations

import msgspec

CONTENTS = "backup.json"
"""The file of a backup that lists all others."""

FORMAT = 1
"""The form of backups; a newer one is refused."""


class BackedUpFile(msgspec.Struct, frozen=True):
    """One file: its place in the folder, its size in bytes and its sha256 in hex."""

    path: str
    size: int
    sha256: str


class Contents(msgspec.Struct, frozen=True):
    """A whole backup: of which store, made when (RFC 3339), and each of its files."""

    store_id: str
    made: str
    files: tuple[BackedUpFile, ...]
    format: int = FORMAT

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)
