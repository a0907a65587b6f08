"""What the state of a River model may mention: names from a committed list, never from data."""

from __future__ import annotations

import functools
import importlib
import json
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from riverrun.codec.allow_list import AllowList

# What only further learning reads, as (class, attribute). Each entry is shown by a test that predicts
# without it. A generator that `predict` draws from is not one of them.
TRAINER_ONLY: frozenset[tuple[str, str]] = frozenset(
    {
        ("river.linear_model.base.GLM", "optimizer"),
        ("river.linear_model.base.GLM", "intercept_lr"),
    }
)


@functools.cache
def river_allow_list() -> AllowList:
    """The allow-list of the River that is installed. The first call imports most of River.

    Raises `RuntimeError` when the committed list was made for another version of River.
    """
    listed = json.loads(files(__package__).joinpath("river_allow_list.json").read_text())
    installed = version("river")
    if listed["version"] != installed:
        raise RuntimeError(
            f"the allow-list is of River {listed['version']}, installed is {installed}: "
            "run scripts/generate_allow_list.py"
        )
    return AllowList(
        types={name: _find(name) for name in listed["types"]},
        functions={name: _find(name) for name in listed["functions"]},
        trainer_only=TRAINER_ONLY,
        tables=frozenset(listed["tables"]),
        opaque=dict.fromkeys(listed["opaque"], f"river {listed['version']}"),
    )


def _find(name: str) -> Any:
    """The object called `name`, which is from the committed list: module, then attributes."""
    if name == "builtins.NoneType":
        return type(None)
    path = name.split(".")
    found: Any = importlib.import_module(path[0])
    for length, part in enumerate(path[1:], start=2):
        try:
            found = getattr(found, part)
        except AttributeError:
            found = importlib.import_module(".".join(path[:length]))
    return found
