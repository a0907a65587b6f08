"""What unit tests share."""

from __future__ import annotations

import random
import sys
import types

import pytest


@pytest.fixture
def generators_have_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """River seeds some generators from the operating system; no two runs of such a model are equal."""
    from riverrun.learners import river_generators  # not before a test asks: it takes a second

    seeded = types.SimpleNamespace(**vars(random))
    seeded.Random = lambda seed=None: random.Random(0 if seed is None else seed)
    for name, module in list(sys.modules.items()):
        if name.startswith("river.") and getattr(module, "random", None) is random:
            monkeypatch.setattr(module, "random", seeded)
    monkeypatch.setattr(river_generators, "new_seed", lambda: 0)
