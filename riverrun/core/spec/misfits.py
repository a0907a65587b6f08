"""What pydantic finds wrong in a spec, as we say it."""

from __future__ import annotations

from pydantic import ValidationError

from riverrun.core.catalogue import Misfit


def as_misfit(error: ValidationError) -> Misfit:
    """The first thing that is wrong. A validator may raise a `Misfit` with the rest of the path itself."""
    first = error.errors(include_url=False)[0]
    path = tuple(part for part in first["loc"] if not str(part).startswith("function-"))
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, Misfit):
        return Misfit((*path, *cause.path), cause.message)
    if first["type"] == "extra_forbidden":
        return Misfit(path, "unknown key")
    if first["type"] == "tuple_type":
        # What a spec holds as a tuple is written as a list.
        return Misfit(path, "expected a list")
    return Misfit(path, first["msg"].removeprefix("Value error, "))
