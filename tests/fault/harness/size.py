"""How large a run is, of CI or of release: ``RIVERRUN_FAULTS_SIZE`` says; without it nothing runs."""

from __future__ import annotations

import os

import pytest

SIZE = os.environ.get("RIVERRUN_FAULTS_SIZE", "")
LIMIT_S = int(os.environ.get("RIVERRUN_FAULTS_LIMIT_S", "600"))
"""Seconds that one test may take; `parts` gives those longer that are run apart."""


def in_pieces(count: int) -> pytest.MarkDecorator:
    """The test runs `count` times at release size, with `piece` from 0 on, and once at the size of CI.

    So that no test takes more than some minutes; each piece adds its number to the seed.
    """
    pieces = range(count if SIZE == "release" else 1)
    return pytest.mark.parametrize("piece", pieces, ids=lambda piece: f"piece{piece}")
