"""The guide's specs are good specs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from riverrun.core.spec import parse_spec

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "model-specs.md"
SPECS = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("text", SPECS, ids=range(len(SPECS)))
def test_a_spec_of_the_guide_is_taken(text: str) -> None:
    assert parse_spec(text).name in text


def test_the_guide_shows_specs_of_every_kind() -> None:
    assert len(SPECS) == 7
