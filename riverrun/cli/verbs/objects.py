"""`riverrun import`: a model that was trained elsewhere becomes a version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from riverrun.cli.options import Model
from riverrun.cli.session import Session, verb

From = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="MODULE:OBJECT",
        help="Where the object is in your own code: a River estimator, a torch module, a TorchModel, or a "
        "function that returns one. Modules are found in this folder too.",
    ),
]
SpecFile = Annotated[
    Path | None,
    typer.Option(
        "--file", "-f", help="Register this model spec first; - for standard input.", show_default=False
    ),
]
Skip = Annotated[
    bool,
    typer.Option(
        "--skip/--replay",
        help="Leave out the events that the live line has learned, or learn all that the log keeps.",
    ),
]
Factories = Annotated[
    list[str] | None,
    typer.Option(
        "--factory",
        help="package.module:callable that the spec names as its factory and that may be imported here.",
        show_default=False,
    ),
]


@verb("output", "server", "data")
async def import_(
    session: Session,
    model: Model,
    source: From,
    file: SpecFile = None,
    skip: Skip = True,
    factory: Factories = None,
) -> None:
    """Bring in a model that was trained elsewhere, on this machine and in your own Python.

    It has to be built as the model's spec declares; where it is not, the first place that differs is named.
    It becomes a version on the channel candidate, in a line of its own that the trainer goes on with, while
    live goes on as it was: promote puts it live. Another line that waited on candidate is closed.

    JSON: {model, version, channel: {name, version, generation, follows_line, held}, did, undo}.
    """
    from riverrun.cli.object_source import object_from
    from riverrun.cli.outcomes import imported_outcome, words
    from riverrun.cli.spec_file import read_spec_file
    from riverrun.core.errors import InvalidInput

    spec = None if file is None else read_spec_file(file)
    if spec is not None and spec.spec.name != model:
        raise InvalidInput(str(file), f"is a spec of {spec.spec.name}, not of {model}")
    given = object_from(source)
    if spec is not None:
        await session.client.apply(spec.text)
    imported = await session.client.import_model(model, given, replay=not skip, factories=factory or ())
    outcome = imported_outcome(imported)
    session.answer(outcome, *words(outcome))
