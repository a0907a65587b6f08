"""`riverrun spec check` and `schema`: without a running stack."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from riverrun.cli.session import OutputForm, Session, verb

Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE...", help="Model specs; - for standard input.", show_default=False),
]


@verb("output")
async def check(session: Session, files: Files) -> None:
    """Say whether specs are right; where one is not, the line, the key and what was expected.

    Exit status 1 when one is wrong.

    JSON: [{file, valid, model, line, field, expected}]; model is null where it is not valid, the last
    three where it is.
    """
    from riverrun.cli.spec_file import read_text
    from riverrun.core.errors import InvalidSpec
    from riverrun.core.spec import parse_spec

    documents = []
    for path in files:
        found = {
            "file": str(path),
            "valid": True,
            "model": None,
            "line": None,
            "field": None,
            "expected": None,
        }
        text = read_text(path)
        try:
            found["model"] = parse_spec(text).name
        except InvalidSpec as error:
            found |= {"valid": False, "line": error.line, "field": error.field, "expected": error.expected}
        documents.append(found)
    if session.output is OutputForm.JSON:
        session.answer(documents)
    for found in documents:
        if not found["valid"]:
            where = "" if found["line"] is None else f":{found['line']}"
            typer.echo(f"{found['file']}{where}: {found['field']}: {found['expected']}", err=True)
        elif session.output is OutputForm.TABLE:
            typer.echo(f"{found['file']}: {found['model']} is valid")
    if not all(found["valid"] for found in documents):
        raise typer.Exit(1)


@verb("output")
async def schema(session: Session) -> None:
    """Print the JSON schema of a model spec, for editors.

    JSON: the schema itself, as without --output.
    """
    import json

    from riverrun.core.spec.schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=None if session.output is OutputForm.JSON else 2))
