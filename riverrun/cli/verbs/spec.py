"""`riverrun spec check` and `schema`: without a running stack."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

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
    documents = [_checked(path) for path in files]
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


def _checked(path: Path) -> dict[str, Any]:
    from riverrun.cli.spec_file import read_text
    from riverrun.core.errors import InvalidSpec
    from riverrun.core.spec import parse_spec

    model, line, field, expected = None, None, None, None
    try:
        model = parse_spec(read_text(path)).name
    except InvalidSpec as error:
        line, field, expected = error.line, error.field, error.expected
    return {
        "file": str(path),
        "valid": model is not None,
        "model": model,
        "line": line,
        "field": field,
        "expected": expected,
    }
