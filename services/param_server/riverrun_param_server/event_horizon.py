"""How long the event log remembers a model's events and their ids (DECISIONS 20)."""

from __future__ import annotations

import functools
from collections.abc import Callable

from riverrun.core.spec import parse_spec
from riverrun_param_server.catalogue import Catalogue

MIN_HORIZON_S = 86_400.0


def horizons_of(catalogue: Catalogue) -> Callable[[str], float]:
    """The horizon of each model in seconds: its label window, a day at least."""

    def horizon_s(model_name: str) -> float:
        model = catalogue.find(model_name)
        if model is None:
            return MIN_HORIZON_S
        return max(MIN_HORIZON_S, _label_window_s(model.specs[model.record.spec_sha]))

    return horizon_s


@functools.lru_cache(maxsize=1024)
def _label_window_s(spec_yaml: str) -> float:
    # Asked for at each append, and a spec takes a millisecond to read.
    return parse_spec(spec_yaml).label.window or 0.0
