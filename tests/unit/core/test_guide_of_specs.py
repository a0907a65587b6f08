"""The guides' specs are good specs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from riverrun.core.spec import parse_spec

GUIDES = Path(__file__).parents[3] / "docs" / "guides"
PAGES = ("model-specs.md", "late-labels.md", "gates.md", "evaluation.md", "retraining.md")
TEXTS = [(GUIDES / name).read_text() for name in PAGES]
SPECS = [spec for text in TEXTS for spec in re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)]


@pytest.mark.parametrize("text", SPECS, ids=range(len(SPECS)))
def test_a_spec_of_the_guide_is_taken(text: str) -> None:
    assert parse_spec(text).name in text


def test_the_guide_shows_specs_of_every_kind() -> None:
    assert len(SPECS) == 14
