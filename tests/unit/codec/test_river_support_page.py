"""docs/river-support.md says what is so.

With WRITE_RIVER_SUPPORT=1 in the environment every class is shown over 500 steps, and the page is written of
what was seen. Else the page is compared with what it says when all is well, which is shown class by class
in test_river_models_survive_the_codec.py: over 500 steps in `make test-full`, over fewer in `make test`.
"""

from __future__ import annotations

import os
import runpy
from pathlib import Path

import pytest

from tests.unit.codec.river_follow import VERSIONS, WARM_UP, follow
from tests.unit.codec.river_part_cases import part_cases
from tests.unit.codec.river_support import page, shown_classes
from tests.unit.codec.river_zoo import Case, estimator_cases
from tests.unit.codec.test_river_models_survive_the_codec import MANY_STEPS

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "river-support.md"
COMMAND = f"WRITE_RIVER_SUPPORT=1 .venv/bin/python -m pytest {Path(__file__).relative_to(ROOT)}"


@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("generators_have_seeds")
def test_the_page_says_what_was_shown() -> None:
    writing = bool(os.environ.get("WRITE_RIVER_SUPPORT"))
    same = measured() if writing else dict.fromkeys(shown_classes(), True)
    public = runpy.run_path(str(ROOT / "scripts" / "generate_catalogue.py"))["public_classes"]()

    shown = page(same, len(public), MANY_STEPS, WARM_UP, VERSIONS, COMMAND)

    if writing:
        PAGE.write_text(shown)
    assert PAGE.read_text() == shown, f"docs/river-support.md is not what is so; to write it anew: {COMMAND}"


def measured() -> dict[str, bool]:
    """Of each class whether all its bits stayed the same over many steps."""
    same: dict[str, bool] = {}
    for case in (*estimator_cases(), *part_cases()):
        same[case.shows] = same.get(case.shows, True) and stays_the_same(case)
    return same


def stays_the_same(case: Case) -> bool:
    """Whether all bits of `case` stay the same over many steps."""
    try:
        follow(case, MANY_STEPS)
    except AssertionError:
        return False
    return True
