"""The record of each model on disk: rows that are numbered without gaps, each proven by a seal.

How many a model has is in its own record, so that a lost row is noticed. The newest `KEEP` stay.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from riverrun.core.errors import DigestMismatch
from riverrun.core.journal import JournalRecord
from riverrun_param_server.records import ModelRecord, seal

KEEP = 1_000
"""Records of one model that are kept."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(JournalRecord)


def append(connection: sqlite3.Connection, model: ModelRecord, records: Sequence[JournalRecord]) -> None:
    """Write `records`, which `model` counts already, after those that are there, in the open transaction."""
    first = model.records - len(records) + 1
    for number, record in enumerate(records, first):
        body = _encoder.encode(msgspec.structs.replace(record, number=number))
        sealed = seal(_key(model.id, number), body)
        connection.execute("INSERT INTO journal VALUES (?,?,?,?)", (model.id, number, body, sealed))
    connection.execute("DELETE FROM journal WHERE model=? AND number<=?", (model.id, model.records - KEEP))


def listed(connection: sqlite3.Connection, model: int, before: int, limit: int) -> list[JournalRecord]:
    """The records below `before` (0: all), newest first."""
    found = connection.execute(
        "SELECT body FROM journal WHERE model=? AND number<? ORDER BY number DESC LIMIT ?",
        (model, before or 1 << 62, limit),
    )
    return [_decoder.decode(row["body"]) for row in found]


def prove(connection: sqlite3.Connection, model: ModelRecord) -> None:
    """Check every record of `model`. Raises `DigestMismatch` naming the one that is damaged or missing."""
    expected = max(1, model.records - KEEP + 1)
    for row in connection.execute("SELECT * FROM journal WHERE model=? ORDER BY number", (model.id,)):
        what = f"record {row['number']} of model {model.name} in params.sqlite"
        if row["number"] != expected:
            raise DigestMismatch(what, str(expected), str(row["number"]))
        found = seal(_key(model.id, row["number"]), row["body"])
        if found != row["seal"]:
            raise DigestMismatch(what, row["seal"].hex(), found.hex())
        expected += 1
    if expected != model.records + 1:
        what = f"newest record of model {model.name} in params.sqlite"
        raise DigestMismatch(what, str(model.records), str(expected - 1))


def _key(model: int, number: int) -> str:
    return f"journal {model} {number}"
