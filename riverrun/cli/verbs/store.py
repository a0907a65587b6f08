"""`riverrun store`: what a parameter server keeps on disk, proven, copied and put back."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from riverrun.cli.session import Session, fail, verb

if TYPE_CHECKING:
    from rich.table import Table

Folder = Annotated[
    Path,
    typer.Argument(
        help="A parameter server's data folder, the data folder of `riverrun up`, or a backup.",
        show_default=False,
    ),
]

To = Annotated[
    Path, typer.Option("--to", help="Folder to write to, on this machine; new or empty.", show_default=False)
]
Backup = Annotated[Path, typer.Argument(help="A folder that `store backup` wrote.", show_default=False)]

PARAM_SERVER = "param-server"
"""The parameter server's folder within the data folder of `riverrun up`."""

_OFFLINE = "riverrun_param_server.offline"


@verb("output")
async def verify(session: Session, folder: Folder) -> None:
    """Prove every version, file and event that a store holds; exit status 1 if anything is damaged.

    No server may use the store meanwhile. Nothing is changed, but that a transaction which a crash cut short
    is rolled back, as the next start would.

    JSON: {ok, folder, store_id, store_format, models, versions, files, file_bytes, database_bytes,
    log_format, streams, events, ids, log_bytes, history_files, history_events, history_bytes, notes: [text],
    damage: [{what, expected, found}]}.
    """
    report = await offline("verify", store_folder(folder))
    session.answer(report, _verified_table(report), *_verified_words(report))
    if not report["ok"]:
        raise typer.Exit(1)


@verb("output", "server", "data")
async def backup(session: Session, to: To) -> None:
    """Copy all versions and events of a running parameter server, while everything goes on.

    The copy is whole when the command ends with status 0; what was interrupted, restore refuses.

    JSON: {folder, store_id, made, files, bytes}.
    """
    contents = await session.client.backup(to)
    document = {
        "folder": str(to),
        "store_id": contents.store_id,
        "made": contents.made,
        "files": len(contents.files),
        "bytes": contents.size,
    }
    words = f"store {contents.store_id}: {len(contents.files)} files, {contents.size} bytes in {to}"
    session.answer(document, words, f"next: riverrun store restore {to} --data NEW-FOLDER")


@verb("output", "data")
async def restore(session: Session, backup: Backup) -> None:
    """Make a backup the store of the data folder, which must have none yet.

    Every byte is proven first. Versions keep their numbers and digests; the store gets a new id, so that
    readers start again instead of mixing two histories. For a folder of `riverrun up`; a parameter server
    with a data folder of its own finds its store in DATA/param-server.

    JSON: {folder, store_id, backup_of, made, report: as verify}.
    """
    restored = await offline("restore", backup, session.data / PARAM_SERVER)
    report = restored["report"]
    words = f"store {restored['store_id']} in {restored['folder']}, of the backup of {restored['made']}"
    session.answer(restored, _verified_table(report), words)


def store_folder(folder: Path) -> Path:
    """The store's own folder, where `folder` may be that of `riverrun up` around it."""
    inner = folder / PARAM_SERVER
    return inner if inner.is_dir() else folder


async def offline(*arguments: object) -> dict[str, Any]:
    """The answer of the parameter server's program for stores that no server uses."""
    import msgspec

    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        _OFFLINE,
        *map(str, arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    answer, errors = await process.communicate()
    if not answer:
        fail(errors.decode(errors="replace").strip().splitlines()[-1] if errors else "no answer")
    document: dict[str, Any] = msgspec.json.decode(answer)
    return document


def _verified_table(report: dict[str, Any]) -> Table | str:
    from riverrun.cli.tables import table

    rows = [
        ("versions", report["versions"], f"of {report['models']} models", report["store_format"]),
        ("large bodies", report["files"], f"{report['file_bytes']} bytes", ""),
        ("events", report["events"], f"in {report['streams']} streams", report["log_format"]),
        ("event ids", report["ids"], "", ""),
        ("history events", report["history_events"], f"in {report['history_files']} files", ""),
    ]
    return table(("proven", "count", "", "format"), rows)


def _verified_words(report: dict[str, Any]) -> list[str]:
    words = [f"note: {note}" for note in report["notes"]]
    words += [f"damaged: {d['what']}: found {d['found']}, expected {d['expected']}" for d in report["damage"]]
    verdict = "whole" if report["ok"] else "DAMAGED"
    return [*words, f"store {report['store_id']} in {report['folder']}: {verdict}"]
