"""Versions looked up along a line, then along the lines that it goes on from."""

from __future__ import annotations

import sqlite3
from functools import partial
from typing import Protocol

from riverrun_param_server import version_lookups
from riverrun_param_server.catalogue import Catalogue, Model
from riverrun_param_server.records import LineRecord

_NEWEST = 1 << 62


async def newest_good(catalogue: Catalogue, model: Model, line: LineRecord) -> int:
    """The newest good version that `line` goes on from, its own head included; 0 for none."""
    return await _first_found(catalogue, model, line, line.head, version_lookups.newest_good)


async def newest_before(catalogue: Catalogue, model: Model, line: LineRecord, before_ns: int) -> int:
    """The newest version that `line` goes on from and that was committed before a time; 0 for none."""
    lookup = partial(version_lookups.newest_before, before_ns=before_ns)
    return await _first_found(catalogue, model, line, _NEWEST, lookup)


class _Lookup(Protocol):
    def __call__(self, connection: sqlite3.Connection, /, *, model: int, line: int, upto: int) -> int: ...


async def _first_found(
    catalogue: Catalogue, model: Model, line: LineRecord | None, upto: int, lookup: _Lookup
) -> int:
    """What `lookup` finds on `line` up to the version `upto`, or on the nearest line that it goes on from."""
    while line is not None and upto:
        on_line = partial(lookup, model=model.record.id, line=line.number, upto=upto)
        found = await catalogue.store.run(on_line)
        if found or not line.parent:
            return found
        upto = line.parent
        line = model.record.line((await catalogue.manifest(model, upto)).line)
    return 0
