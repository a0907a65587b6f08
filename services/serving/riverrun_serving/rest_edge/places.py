"""What a path is: the route that it names, and the model in it."""

from __future__ import annotations

import functools
from typing import NamedTuple

MODELS = "/v1/models/"
VERSIONS = "/versions/"
PREDICT = ":predict"
FEEDBACK = ":feedback"
INFER = "/infer"

_V2_MODELS = "/v2/models/"
_LONGEST_KEPT = 256


class Place(NamedTuple):
    """`route` has a name in braces where paths differ. `model` is as the caller wrote it; empty: none."""

    route: str
    model: str


NOWHERE = Place("", "")
"""Probes, and what FastAPI answers."""


def is_prediction(path: str) -> bool:
    """Whether requests to `path` are computed, and may have to wait."""
    return path.endswith((PREDICT, INFER))


def place_of(path: str) -> Place:
    """The place of `path`; `NOWHERE` for those of no interest to who counts or traces requests."""
    return _kept(path) if len(path) <= _LONGEST_KEPT else _place(path)


@functools.lru_cache(maxsize=1024)
def _kept(path: str) -> Place:
    return _place(path)


def _place(path: str) -> Place:
    if path.startswith(MODELS):
        for verb in (PREDICT, FEEDBACK):
            if path.endswith(verb):
                model = path[len(MODELS) : -len(verb)].partition(VERSIONS)[0]
                return Place(f"{MODELS}{{model}}{verb}", model)
        return NOWHERE
    if (path != "/v2" and not path.startswith("/v2/")) or path.startswith("/v2/health/"):
        return NOWHERE
    model = path[len(_V2_MODELS) :].partition("/")[0] if path.startswith(_V2_MODELS) else ""
    if path.endswith(INFER):
        return Place("/v2/models/{model}/infer", model)
    return Place("/v2", model)
