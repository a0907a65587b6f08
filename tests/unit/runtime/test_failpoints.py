"""Failpoints: named, counted, and nowhere in the way. That each ends a process is shown in tests/fault."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from riverrun.runtime import failpoints

ROOT = Path(__file__).resolve().parents[3]


def test_nothing_happens_where_none_is_armed() -> None:
    failpoints.armed("")("commit.after-fsync")
    failpoints.reach("commit.after-fsync")


def test_the_process_ends_at_the_pass_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(failpoints.os, "_exit", ended.append)
    reach = failpoints.armed("commit.after-fsync:2")

    reach("commit.after-fsync")
    reach("commit.before-write")
    assert ended == []
    reach("commit.after-fsync")
    assert ended == [failpoints.EXIT_STATUS]


def test_an_unknown_point_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"commit\.after-lunch"):
        failpoints.armed("commit.after-lunch")


def test_an_armed_write_is_cut_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    monkeypatch.setattr(failpoints, "_value", "file.half-written")
    monkeypatch.setattr(failpoints, "reach", lambda name: seen.append((name, file.getvalue())))
    seen: list[tuple[str, bytes]] = []

    failpoints.write(file, b"abcdef", "file.half-written")

    assert seen == [("file.half-written", b"abc")]
    assert file.getvalue() == b"abcdef"


def test_every_point_is_passed_somewhere_and_every_passed_point_is_listed() -> None:
    sources = [*(ROOT / "riverrun").rglob("*.py"), *(ROOT / "services").rglob("*.py")]
    call = re.compile(r"\b(?:reach|failpoints\.write)\([^\"\n]*\"([a-z.-]+)\"\)")
    passed = [name for path in sources for name in call.findall(path.read_text())]

    assert set(passed) == failpoints.POINTS
    assert len(passed) == len(set(passed))
