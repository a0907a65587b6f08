"""Write the allow-list of River: `python scripts/generate_allow_list.py [--check]`.

The list names what a River model's state may mention, so that decoding a state never looks anything up
by a name that data brought along. It is made from the library itself, so it is run again when River's
version changes; ``--check`` only compares and exits 1 on a difference.
"""

from __future__ import annotations

import argparse
import enum
import importlib
import inspect
import json
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import river
from river._river_rust.vectordict import VectorDict

TARGET = Path(__file__).parent.parent / "riverrun" / "learners" / "river_allow_list.json"

# Packages that hold no part of a model: data, evaluation runs, file readers, adapters, self-checks.
_NO_MODELS = {"datasets", "evaluate", "stream", "compat", "checks", "api", "envs"}

# Where the functions live that River keeps as values inside models: distances, text steps, averages, links.
_FUNCTION_MODULES = (
    "river._river_rust.vectordict",
    "river.feature_extraction.vectorize",
    "river.metrics.mutual_info",
    "river.multiclass.occ",
    "river.utils.math",
    "river.utils.norm",
)

# What River keeps of other libraries; no function here does more than compute its answer.
_OTHER_TYPES = {
    "builtins": "NoneType bool bytes complex dict float frozenset int list set str tuple",
    "collections": "Counter OrderedDict defaultdict deque",
    "datetime": "date datetime timedelta",
    "numbers": "Integral Number Real",
    "numpy": "bool float32 float64 int32 int64",
    "statistics": "NormalDist",
}
_OTHER_FUNCTIONS = {
    "builtins": "abs len max min round str.lower str.strip str.upper sum",
    "math": "ceil cos exp expm1 fabs floor log log10 log1p log2 sin sqrt tanh",
    "numpy": "array ones zeros",
}


def main() -> None:
    """Write the list, or compare it with the committed one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 on a difference")
    text = allow_list_text()
    if parser.parse_args().check:
        if TARGET.read_text() != text:
            sys.exit(f"{TARGET} is stale: run `python scripts/generate_allow_list.py`")
        return
    TARGET.write_text(text)


def allow_list_text() -> str:
    """The allow-list of the installed River, as it is committed."""
    types: dict[str, type[Any]] = {}
    functions: set[str] = set()
    for module in _modules():
        for cls in _classes_of(module):
            functions.update(_static_methods(cls))
            if not inspect.isabstract(cls) or issubclass(cls, enum.Enum):
                types[f"{cls.__module__}.{cls.__qualname__}"] = cls
        if module.__name__ in _FUNCTION_MODULES:
            functions.update(_functions_of(module))
    rust = {name for name, cls in types.items() if hasattr(cls, "__getstate__") and _is_rust(cls)}
    listed = {
        "library": "river",
        "version": river.__version__,
        "types": sorted([*types, *_names(_OTHER_TYPES)]),
        "functions": sorted([*functions, *_names(_OTHER_FUNCTIONS)]),
        "tables": sorted(name for name, cls in types.items() if cls is VectorDict),
        "opaque": sorted(rust - {f"{VectorDict.__module__}.{VectorDict.__qualname__}"}),
    }
    return json.dumps(listed, indent=1) + "\n"


def _names(by_module: dict[str, str]) -> list[str]:
    return [f"{module}.{name}" for module, names in by_module.items() for name in names.split()]


def _modules() -> Iterator[ModuleType]:
    for info in pkgutil.walk_packages(river.__path__, "river."):
        parts = info.name.split(".")
        if not _NO_MODELS.isdisjoint(parts) or any(part.startswith("test_") for part in parts):
            continue
        module = importlib.import_module(info.name)
        yield module
        # The modules inside the Rust extension are no packages that a walk could find.
        for member in vars(module).values():
            if isinstance(member, ModuleType) and member.__name__.startswith("river._river_rust."):
                yield member


def _classes_of(owner: ModuleType | type[Any]) -> Iterator[type[Any]]:
    """The classes that `owner` defines, those inside classes too; no metaclasses, errors or protocols."""
    module = owner.__name__ if isinstance(owner, ModuleType) else owner.__module__
    for member in list(vars(owner).values()):
        if not isinstance(member, type) or member.__module__ != module:
            continue
        if isinstance(owner, type) and not member.__qualname__.startswith(f"{owner.__qualname__}."):
            continue
        yield from _classes_of(member)
        if not issubclass(member, type | BaseException) and not getattr(member, "_is_protocol", False):
            yield member


def _static_methods(cls: type[Any]) -> Iterator[str]:
    for member in vars(cls).values():
        if isinstance(member, staticmethod) and isinstance(member.__func__, FunctionType):
            yield f"{member.__func__.__module__}.{member.__func__.__qualname__}"


def _functions_of(module: ModuleType) -> Iterator[str]:
    for name, member in vars(module).items():
        is_function = isinstance(member, FunctionType | BuiltinFunctionType)
        if is_function and member.__module__ == module.__name__ and member.__qualname__ == name:
            yield f"{module.__name__}.{name}"


def _is_rust(cls: type[Any]) -> bool:
    return cls.__module__.startswith("river._river_rust.")


if __name__ == "__main__":
    main()
