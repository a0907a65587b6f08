"""Arguments and options that several verbs have."""

from __future__ import annotations

import datetime
from typing import Annotated

import typer

Model = Annotated[str, typer.Argument(help="The model's name.", show_default=False)]
Channel = Annotated[str, typer.Option(help="The channel to move.")]


def parse_time(text: str, option: str) -> datetime.datetime:
    """`text` as an RFC 3339 time; raises a usage error naming `option`."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise typer.BadParameter(
            f"expected a time with a zone, such as 2026-11-24T07:30:00Z, got {text[:60]!r}",
            param_hint=option,
        )
    return moment
