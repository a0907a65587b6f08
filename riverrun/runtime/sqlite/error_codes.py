"""What an error of SQLite, or of a file, says: damage, a disk that fails, or one without room."""

from __future__ import annotations

import errno
import sqlite3

from riverrun.runtime.sqlite.store_format import WrongFormat

_NOT_DAMAGE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}
"""Why a sound database cannot be opened now."""


def is_damage(error: Exception) -> bool:
    """Whether `error`, met on opening or looking at a file, says that what is in the file is not right.

    TypeError, ValueError and LookupError come from rows whose columns are of other types or names.
    """
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF not in _NOT_DAMAGE
    return isinstance(error, (TypeError, ValueError, LookupError)) and not isinstance(error, WrongFormat)


def disk_failed(error: sqlite3.Error | OSError) -> bool:
    """Whether `error` says that the disk itself failed: what it holds now is unknown."""
    if isinstance(error, OSError):
        return error.errno in (errno.EIO, errno.EROFS)
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR


def disk_is_full(error: Exception) -> bool:
    """Whether `error`, of SQLite or of a file, says no more than that the disk has no room."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
