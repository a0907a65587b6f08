"""The grammar of ``model:``, read against the catalogue into what has to be built.

A list is steps in order. A step is a class name, or a one-key mapping of a class name to its arguments:
a mapping of them by name, or a list of them in order. ``union`` in place of a class name takes a list of
branches, each a step or a list of steps. Wherever an argument is an object, the same grammar declares it.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Mapping, Sequence
from typing import Any

from riverrun.core.catalogue.declaration import ClassName, Construct, Misfit, Path, Value
from riverrun.core.catalogue.plain_data import MAX_DEPTH, as_set, check_data, is_plain, read_mapping
from riverrun.core.catalogue.river_classes import Catalogue, ClassEntry, Parameter

_CLASS_NAME = re.compile(r"[a-z_]+(\.[a-z_]+)*\.[A-Z]\w*")
_TYPES = {"float": float, "int": int, "bool": bool, "str": str, "number": numbers.Number}
_STEPS = frozenset({"Estimator", "Classifier", "Regressor", "Transformer", "BaseTransformer"})
_WORDS = {
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "str": "a string",
    "none": "null",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "dict": "a mapping",
    "type": "one of " + ", ".join(_TYPES),
    "class": "the name of a class",
    "any": "a value",
}


def read_declaration(value: Any, catalogue: Catalogue, path: Path = ("model",)) -> Construct:
    """The object that `value` declares. Raises `Misfit` at the first thing that is wrong."""
    return _Reader(catalogue).steps(value, path, 0)


def read_metric(value: Any, catalogue: Catalogue, path: Path) -> Construct:
    """The metric that `value` declares; its name may leave out the leading ``metrics.``."""
    if isinstance(value, str):
        value = {value: None}
    if isinstance(value, Mapping) and len(value) == 1:
        (name, arguments), *_ = value.items()
        if isinstance(name, str):
            full = name if name.startswith("metrics.") else f"metrics.{name}"
            return _Reader(catalogue, metric=True).construct(full, arguments, (*path, name), 0)
    raise Misfit(
        path, "expected the name of a metric, such as ROCAUC, or {RollingROCAUC: {window_size: 500}}"
    )


def read_detector(value: Any, catalogue: Catalogue, path: Path) -> Construct:
    """The drift detector that `value` declares, by the simple name of its class."""
    if isinstance(value, str):
        value = {value: None}
    detectors = catalogue.detectors()
    if isinstance(value, Mapping) and len(value) == 1:
        (name, arguments), *_ = value.items()
        if name in detectors:
            return _Reader(catalogue).construct(detectors[name], arguments, (*path, name), 0)
    raise Misfit(path, f"expected one of {', '.join(detectors)}, or one with its arguments")


class _Reader:
    def __init__(self, catalogue: Catalogue, *, metric: bool = False) -> None:
        self._catalogue = catalogue
        self._metric = metric

    def steps(self, value: Any, path: Path, depth: int) -> Construct:
        if not isinstance(value, list):
            return self.step(value, path, depth)
        if not value:
            raise Misfit(path, "expected at least one step")
        made = [self.step(item, (*path, i), depth + 1) for i, item in enumerate(value)]
        for step in made[:-1]:
            if not step.fits(["BaseTransformer", "AnomalyFilter"]):
                raise Misfit(step.path, f"{step.name} must be the last step: it transforms nothing")
        return made[0] if len(made) == 1 else self._pipeline(tuple(made), path)

    def step(self, value: Any, path: Path, depth: int) -> Construct:
        if depth > MAX_DEPTH:
            raise Misfit(path, f"nested more than {MAX_DEPTH} deep")
        if isinstance(value, list):
            return self.steps(value, path, depth + 1)
        if isinstance(value, str):
            return self.construct(value, None, path, depth)
        if isinstance(value, Mapping) and len(value) == 1:
            (name, arguments), *_ = value.items()
            if isinstance(name, str):
                if name == "union":
                    return self._union(arguments, (*path, name), depth)
                return self.construct(name, arguments, (*path, name), depth)
        raise Misfit(path, "expected a class name, or one class name with its arguments")

    def construct(self, name: str, arguments: Any, path: Path, depth: int) -> Construct:
        # Steps and branches are read alike however they are spelt.
        if name == "compose.Pipeline" and isinstance(arguments, list):
            return self.steps(arguments, path, depth + 1)
        if name == "compose.TransformerUnion" and isinstance(arguments, list):
            return self._union(arguments, path, depth + 1)
        refusal = self._catalogue.refusal(name)
        if refusal:
            raise Misfit(path, f"{_shown(name)} cannot be declared: {refusal}")
        entry = self._catalogue.classes.get(name)
        if entry is None:
            word = "metric" if self._metric else "class"
            raise Misfit(path, f"unknown {word} {_shown(name)}{self._catalogue.suggest(name)}")
        if arguments is None:
            arguments = {}
        if isinstance(arguments, list):
            made = self._positional(name, entry, arguments, path, depth)
        elif isinstance(arguments, Mapping):
            made = self._named(name, entry, arguments, path, depth)
        else:
            raise Misfit(path, "expected a mapping of arguments, or a list of them in order")
        given = {p.name for p, _ in zip(entry.parameters, made.args, strict=False)} | made.kwargs.keys()
        missing = [p.name for p in entry.parameters if p.required and p.name not in given]
        if missing:
            raise Misfit(path, f"{name} needs {', '.join(missing)}")
        return made

    def _union(self, branches: Any, path: Path, depth: int) -> Construct:
        if not isinstance(branches, list) or not branches:
            raise Misfit(path, "expected a list of branches, each a step or a list of steps")
        made = tuple(self.steps(branch, (*path, i), depth + 1) for i, branch in enumerate(branches))
        for branch in made:
            if not branch.fits(["BaseTransformer"]):
                raise Misfit(branch.path, f"{branch.last.name} cannot be in a union: it transforms nothing")
        return Construct("compose.TransformerUnion", self._entry("compose.TransformerUnion"), made, path=path)

    def _pipeline(self, steps: tuple[Construct, ...], path: Path) -> Construct:
        return Construct("compose.Pipeline", self._entry("compose.Pipeline"), steps, path=path)

    def _entry(self, name: str) -> ClassEntry:
        return self._catalogue.classes[name]

    def _positional(
        self, name: str, entry: ClassEntry, arguments: list[Any], path: Path, depth: int
    ) -> Construct:
        places = [p for p in entry.parameters if not p.keyword_only]
        if len(arguments) > len(places) and entry.more is None:
            takes = f"at most {len(places)} arguments" if places else "no arguments"
            raise Misfit(path, f"{name} takes {takes}, {len(arguments)} given")
        args = []
        for i, argument in enumerate(arguments):
            kinds = places[i].kinds if i < len(places) else entry.more or ()
            args.append(self._value(argument, kinds, (*path, i), depth + 1))
        return Construct(name, entry, tuple(args), path=path)

    def _named(
        self, name: str, entry: ClassEntry, arguments: Mapping[Any, Any], path: Path, depth: int
    ) -> Construct:
        kwargs = {}
        for key, argument in arguments.items():
            parameter = entry.parameter(key)
            if parameter is None and not (entry.any_keyword and isinstance(key, str)):
                raise Misfit((*path, key), f"unknown argument of {name}; {_listed(entry.parameters)}")
            kinds = ("any",) if parameter is None else parameter.kinds
            kwargs[key] = self._value(argument, kinds, (*path, key), depth + 1)
        return Construct(name, entry, (), kwargs, path)

    def _value(self, value: Any, kinds: Sequence[str], path: Path, depth: int) -> Value:
        if depth > MAX_DEPTH:
            raise Misfit(path, f"nested more than {MAX_DEPTH} deep")
        if is_plain(value, kinds):
            return value
        match value:
            case None if "any" in kinds:
                return None
            case str() if "any" in kinds and not self._means_class(value):
                return value
            case str() if "type" in kinds and value in _TYPES:
                return _TYPES[value]
            case str() if "class" in kinds:
                # Looked up as if it were built, so that its name is judged alike.
                if value in self._catalogue.classes and not self._catalogue.refusal(value):
                    return ClassName(value)
                return self.construct(value, None, path, depth)
            case list():
                made = self._list(value, kinds, path, depth)
                if made is not None:
                    return made
            case Mapping() if not self._declares(value, kinds):
                made = read_mapping(value, kinds, path)
                if made is not None:
                    return made
        wanted = [kind for kind in kinds if kind[0].isupper()]
        declares = isinstance(value, (str, Mapping)) and (wanted or self._declares(value, kinds))
        if isinstance(value, str) and not self._means_class(value):
            declares = False
        if declares or (isinstance(value, list) and not _STEPS.isdisjoint(wanted)):
            made = self.steps(value, path, depth)
            if wanted and not made.fits(wanted):
                raise Misfit(path, f"{made.last.name} does not fit: expected {self._expected(kinds)}")
            return made
        if kinds and value is not None and set(kinds) <= {"function", "none"}:
            raise Misfit(path, "takes a function, which a spec cannot declare; leave it out, or use factory")
        if isinstance(value, float) and not math.isfinite(value):
            raise Misfit(path, "expected a finite number")
        raise Misfit(path, f"expected {self._expected(kinds)}")

    def _declares(self, value: Any, kinds: Sequence[str]) -> bool:
        """Whether `value` declares an object, where `kinds` would take plain data as well."""
        if isinstance(value, str):
            return "any" in kinds
        if len(value) != 1:
            return False
        name = next(iter(value))
        if not isinstance(name, str):
            return False
        if name == "union" and not _STEPS.isdisjoint(kinds):
            return True
        return _CLASS_NAME.fullmatch(name) is not None and any(k == "any" or k[0].isupper() for k in kinds)

    def _means_class(self, text: str) -> bool:
        """Whether `text` is the name of a class, or meant to be one."""
        known = text in self._catalogue.classes or bool(self._catalogue.refusal(text))
        return known or bool(self._catalogue.suggest(text))

    def _list(self, value: list[Any], kinds: Sequence[str], path: Path, depth: int) -> Value | None:
        for kind in kinds:
            if kind.startswith("list["):
                wanted = kind[5:-1]
                return [self._value(item, (wanted,), (*path, i), depth + 1) for i, item in enumerate(value)]
        if "any" in kinds:
            return [self._value(item, ("any",), (*path, i), depth + 1) for i, item in enumerate(value)]
        if "tuple" in kinds:
            return tuple(self._value(item, ("any",), (*path, i), depth + 1) for i, item in enumerate(value))
        if "list" in kinds or "set" in kinds:
            check_data(value, path, depth)
            return as_set(value, path) if "set" in kinds else list(value)
        return None

    def _expected(self, kinds: Sequence[str]) -> str:
        words = []
        for kind in kinds:
            if kind[0].isupper() or kind.startswith("list["):
                simple = kind.removeprefix("list[").removesuffix("]")
                example = self._catalogue.example(simple)
                such = f" such as {example}" if example else ""
                article = "an" if simple[0] in "AEIO" else "a"
                words.append(
                    f"a list of {simple}s" if kind.startswith("list[") else f"{article} {simple}{such}"
                )
            elif kind != "function":
                words.append(_WORDS[kind.partition("[")[0]])
        return " or ".join(dict.fromkeys(words)) or "no value"


def _shown(name: str) -> str:
    return name if len(name) <= 80 else name[:80] + "…"


def _listed(parameters: Sequence[Parameter]) -> str:
    return "it takes " + (", ".join(p.name for p in parameters) or "none")
