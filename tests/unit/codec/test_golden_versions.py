"""Versions that earlier releases wrote still open, prove their roots and answer as they did.

How they are added is in `tests.golden.golden_versions`.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from riverrun.codec.rounded_marks import is_rounded
from riverrun.codec.wire import decode_side
from riverrun.core.digest import HashTree
from riverrun.core.spec import parse_spec
from riverrun.core.units import EMPTY, Delta, State
from riverrun.learners.build import build_predictor, restore_learner
from tests.golden.golden_versions import FAMILIES, FOLDER, answer

FILES = sorted(FOLDER.glob("versions-*/*.json"))


def opened(file: Path) -> tuple[dict[str, Any], Iterator[tuple[dict[str, Any], State, Delta]]]:
    """A file, and its versions with the state and the delta that each one is."""
    document: dict[str, Any] = json.loads(file.read_text())
    if "learner: torch" in document["spec"]:
        pytest.importorskip("torch", reason="torch is an extra")

    def versions() -> Iterator[tuple[dict[str, Any], State, Delta]]:
        state = EMPTY
        for version in document["versions"]:
            sides = (
                decode_side(base64.b64decode(version[s]), max_bytes=1 << 20) for s in ("serving", "trainer")
            )
            delta = Delta(*sides, version["next_unit"])
            state = state.apply(delta)
            yield version, state, delta

    return document, versions()


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_released_version_opens_and_answers_as_it_did(file: Path) -> None:
    document, versions = opened(file)
    spec = parse_spec(document["spec"])
    predictor = None

    for version, state, delta in versions:
        serving_root, trainer_root = (bytes.fromhex(version[key]) for key in ("serving_root", "trainer_root"))
        assert HashTree(state.serving).root == serving_root
        assert HashTree(state.trainer).root == trainer_root
        learner = restore_learner(spec, state)
        assert learner.roots() == (serving_root, trainer_root)
        if predictor is None:
            predictor = build_predictor(spec, state.serving, serving_root)
        else:
            predictor = predictor.updated(delta.serving, serving_root)
        is_exact = spec.publish.precision == "exact"
        for row, told in zip(document["rows"], version["learner_answers"], strict=True):
            # Sums may come out another way on another processor.
            assert math.isclose(answer(learner, row), told, rel_tol=1e-6)
            assert math.isclose(answer(predictor, row), told, rel_tol=1e-6 if is_exact else 1e-2)


def test_the_files_hold_every_form_of_a_body_and_rounded_units() -> None:
    forms, rounded = set(), 0
    for file in FILES:
        for version in json.loads(file.read_text())["versions"]:
            side = base64.b64decode(version["serving"])
            forms |= {side[4], base64.b64decode(version["trainer"])[4]}
            rounded += sum(map(is_rounded, decode_side(side, max_bytes=1 << 20).changed.values()))

    assert forms == {0, 1, 2}
    assert rounded
    assert {file.stem for file in FILES} >= FAMILIES.keys()
