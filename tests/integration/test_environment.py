"""An environment apart from ours is made once, and anew when other versions are asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.environment import Environment


@pytest.mark.timeout(600)
def test_an_environment_is_made_once_and_no_longer_holds_when_its_requirements_change(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("# nothing, so that nothing is fetched\n")
    environment = Environment(tmp_path / "environments" / "empty", (requirements,))
    assert not environment.is_made

    environment.ensure()
    mark = environment.folder / "mark"
    mark.touch()
    environment.ensure()

    assert environment.program("python").exists()
    assert mark.exists(), "what is made was made again"
    assert environment.is_made
    requirements.write_text("river==0.26.1\n")
    assert not environment.is_made


def test_a_version_is_found_in_any_of_the_requirements(tmp_path: Path) -> None:
    first, second = tmp_path / "first.txt", tmp_path / "second.txt"
    first.write_text("numpy-financial==9\nnumpy==2.4.6\n")
    second.write_text("river==0.26.1\n")

    environment = Environment(tmp_path / "unmade", (first, second))

    assert [environment.version_of(name) for name in ("numpy", "river")] == ["2.4.6", "0.26.1"]
