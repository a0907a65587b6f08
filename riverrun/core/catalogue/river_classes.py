"""River's public classes as data: `river.json`, written by ``scripts/generate_catalogue.py``."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Literal

import msgspec


class Parameter(msgspec.Struct, frozen=True):
    """One argument of a class.

    `kinds` are what it takes: float, int, bool, str, none, list, tuple, set, dict, type (a plain data
    type's name), class (the name of a class, not an object of it), function, any,
    ``dict[set]`` and the like for nested data, ``list[Classifier]`` for lists of objects, and the name of
    a River base class (Classifier, Optimizer …) for an object of that class.
    """

    name: str
    kinds: tuple[str, ...]
    required: bool = False
    keyword_only: bool = False


class ClassEntry(msgspec.Struct, frozen=True, rename={"ancestors": "is"}):
    """What is known of one class: its base classes by simple name, itself included, and its arguments.

    `more` are the kinds of any further positional arguments. `any_keyword` takes arguments of any name.
    `multiclass` says for a classifier whether it learns more than two classes, ``nested`` where the
    model inside decides. `probabilities` is False for a classifier that answers with a class only, and True
    for a metric that judges probabilities. `refused` is why a spec must not name this class, empty where
    it may.
    """

    ancestors: frozenset[str]
    parameters: tuple[Parameter, ...]
    more: tuple[str, ...] | None = None
    any_keyword: bool = False
    multiclass: bool | Literal["nested"] | None = None
    probabilities: bool | None = None
    refused: str = ""

    def parameter(self, name: str) -> Parameter | None:
        """The argument called `name`, or None."""
        return next((parameter for parameter in self.parameters if parameter.name == name), None)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every class that a spec may name, as ``module.Class`` below River's own name.

    `not_declared` has the reason for what River exports and no spec may name: whole modules, and classes.
    """

    river: str
    classes: dict[str, ClassEntry]
    not_declared: dict[str, str]

    def refusal(self, name: str) -> str:
        """Why a spec must not name `name`, a public class of River; empty where it may, or where none is
        called so."""
        entry = self.classes.get(name)
        if entry is not None:
            return entry.refused
        parts = name.split(".")
        if not parts[-1][:1].isupper():
            return ""
        owners = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
        return next((self.not_declared[owner] for owner in owners if owner in self.not_declared), "")

    def suggest(self, name: str) -> str:
        """``; did you mean …?`` for the classes whose names come closest to `name`, else empty."""
        simple = {full.rpartition(".")[2].lower(): full for full in reversed(self.classes)}
        found = difflib.get_close_matches(name, self.classes, n=2, cutoff=0.75)
        for close in difflib.get_close_matches(name.rpartition(".")[2].lower(), simple, n=2, cutoff=0.8):
            if simple[close] not in found:
                found.append(simple[close])
        return f"; did you mean {' or '.join(found[:3])}?" if found else ""

    def detectors(self) -> dict[str, str]:
        """The classes that find drift in a stream of numbers, by their simple names."""
        found = (name for name, entry in self.classes.items() if "_BaseDriftDetector" in entry.ancestors)
        simple = {name.rpartition(".")[2]: name for name in found if not self.refusal(name)}
        return {name: full for name, full in simple.items() if name not in _NO_DETECTORS}

    def example(self, kind: str) -> str | None:
        """The name of some class that is a `kind`, or None."""
        usual = _USUAL.get(kind)
        if usual is not None:
            return usual
        return next((name for name, e in self.classes.items() if kind in e.ancestors and not e.refused), None)


_NO_DETECTORS = frozenset({"DummyDriftDetector", "NoDrift", "FHDDM"})
"""The first two look at nothing: they stand in the place of a detector inside ensembles. FHDDM is documented
to take errors, and River 0.26.1 finds drift where there are fewer of them."""

_USUAL = {
    "Classifier": "linear_model.LogisticRegression",
    "Regressor": "linear_model.LinearRegression",
    "Estimator": "linear_model.LogisticRegression",
    "Transformer": "preprocessing.StandardScaler",
    "BaseTransformer": "preprocessing.StandardScaler",
    "Optimizer": "optim.SGD",
    "Univariate": "stats.Mean",
    "Metric": "metrics.Accuracy",
    "DriftDetector": "drift.ADWIN",
}


class _File(msgspec.Struct, frozen=True):
    river: str
    classes: dict[str, ClassEntry]
    not_declared: dict[str, str]


@lru_cache(maxsize=1)
def river_catalogue() -> Catalogue:
    """The catalogue of the River version that riverrun is made for; read once."""
    text = resources.files("riverrun.core.catalogue").joinpath("river.json").read_bytes()
    file = msgspec.json.decode(text, type=_File)
    return Catalogue(file.river, file.classes, file.not_declared)
