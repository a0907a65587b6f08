"""Whether `publish.precision` makes sense for a model: whether it has weights that may be rounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from riverrun.core.catalogue import Construct, Misfit
from riverrun.core.spec.model_spec import ModelSpec


def check_precision(spec: ModelSpec, model: Construct) -> None:
    """Raises `Misfit` where `spec` asks for rounding and nothing of `model`, River's, could be rounded.

    Not asked of factories, whose models are not known here, nor of torch models, which all have tensors.
    """
    precision = spec.publish.precision
    if precision == "exact" or any("GLM" in part.entry.ancestors for part in _parts(model)):
        return
    raise Misfit(
        ("publish", "precision"),
        f"{precision} rounds the weights of linear models and of torch tensors, and {model.last.name} has "
        "none of these: its numbers are counted and compared by; leave it out",
    )


def _parts(value: Any) -> Iterator[Construct]:
    if isinstance(value, Construct):
        yield value
        yield from _parts((*value.args, *value.kwargs.values()))
    elif isinstance(value, Mapping):
        yield from _parts(tuple(value.values()))
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _parts(item)
