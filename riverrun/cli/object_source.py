"""Objects in the user's own code, by name."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from riverrun.core.errors import InvalidInput

OPTION = "--from"


def object_from(source: str) -> Any:
    """The object that ``package.module:name`` names, or what it returns where it is a function or a class.

    Modules are looked for in the working directory too. Raises `InvalidInput` when there is none.
    """
    module_name, _, path = source.partition(":")
    if not module_name or not path:
        raise InvalidInput(OPTION, f"expected module:object, got {source[:100]!r}")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module_name)
    except ImportError as error:
        raise InvalidInput(OPTION, f"cannot import {module_name}: {error}") from error
    for name in path.split("."):
        if not hasattr(found, name):
            raise InvalidInput(OPTION, f"{module_name} has no {path}")
        found = getattr(found, name)
    # A torch module can be called too, and is meant itself.
    makes = isinstance(found, type) or not (hasattr(found, "learn_one") or hasattr(found, "state_dict"))
    return found() if makes and callable(found) else found
