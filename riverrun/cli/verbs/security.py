"""`riverrun keys` and `riverrun certs`: what a stack that others can reach is protected with."""

from __future__ import annotations

import asyncio
import enum
import os
from pathlib import Path
from typing import Annotated

import typer

from riverrun.cli.session import Session, verb
from riverrun.core.access import ROLES, Role

# A choice that typer shows in the order of the roles' rights.
RoleName = enum.StrEnum("RoleName", {role.upper(): role for role in ROLES})  # type: ignore[misc]

Name = Annotated[str, typer.Argument(help="Who the key is for, as logs will say it.", show_default=False)]
KeyRole = Annotated[RoleName, typer.Option("--role", help="What the key may do.", show_default=False)]
File = Annotated[
    Path | None,
    typer.Option(
        "--file",
        "-f",
        help="File of keys to add it to: that of the services.",
        show_default=False,
    ),
]
Folder = Annotated[
    Path, typer.Argument(help="Folder of ca.crt, ca.key, tls.crt and tls.key.", show_default=False)
]
Names = Annotated[
    list[str],
    typer.Option("--name", "-n", help="Host name or address of the services; repeat it.", show_default=False),
]
Days = Annotated[int, typer.Option(min=1, max=3650, help="Days that the certificate is good for.")]


@verb("output")
async def new(session: Session, name: Name, role: KeyRole, file: File = None) -> None:
    """Make a key for a caller outside the cluster, and show it this once.

    Services know it by its hash, on a line of their file of keys. Taking the line out ends the key within
    seconds. Give the key to its user as a file, which the command and the SDK take as the token file.

    JSON: {name, role, key, line, file}.
    """
    from riverrun.rpc.access.key_file import new_key

    key, line = new_key(name, Role(role))
    if file is not None:
        await asyncio.to_thread(_append, file, line)
    where = f"added to {file}: {line}" if file else f"add this line to the file of keys: {line}"
    document = {
        "name": name,
        "role": str(role),
        "key": key,
        "line": line,
        "file": str(file) if file else None,
    }
    session.answer(document, f"the key of {name}, shown this once: {key}", where)


@verb("output")
async def issue(session: Session, folder: Folder, name: Names, days: Days = 90) -> None:
    """Make a certificate for services, by an authority of the folder that is made where there is none.

    Run it again to renew: running services take the new files by themselves, and no call fails.

    JSON: {folder, names, expires, new_ca}.
    """
    from riverrun.rpc.authority import issue as issue_certificate

    issued = await asyncio.to_thread(issue_certificate, folder, name, days=days)
    document = {
        "folder": str(folder),
        "names": list(issued.names),
        "expires": issued.expires.isoformat(timespec="seconds"),
        "new_ca": issued.is_new_ca,
    }
    authority = "a new authority" if issued.is_new_ca else "the folder's authority"
    session.answer(
        document,
        f"{folder}: tls.crt and tls.key for {', '.join(issued.names)}, by {authority}, "
        f"until {document['expires']}",
    )


def _append(file: Path, line: str) -> None:
    # Only its owner may read it from the start; one that is there keeps its rights.
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b") as keys:
        content = keys.read()
        separator = b"" if not content or content.endswith(b"\n") else b"\n"
        keys.write(separator + line.encode() + b"\n")
        keys.flush()
        os.fsync(keys.fileno())
