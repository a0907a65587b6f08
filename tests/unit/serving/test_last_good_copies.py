"""Last-good copies on disk: whole or left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from riverrun_serving.sync.last_good import LastGood, LastGoodFolder

from riverrun.core.events import OffsetRange, Stream
from tests.unit.serving.in_test_predictor import SPEC_YAML, manifest_of, units_of


def _copy(version: int = 5, channel: str = "live") -> LastGood:
    manifest = manifest_of(
        version,
        positions={Stream.EXAMPLES: {0: 12}},
        metrics={"MAE": 0.5},
        skipped=(OffsetRange(Stream.EXAMPLES, 0, 3, 4),),
    )
    return LastGood("store-a", ("store-0",), channel, 9, manifest, SPEC_YAML, units_of(version))


def test_what_is_written_is_read_back_and_replaces_the_older(tmp_path: Path) -> None:
    folder = LastGoodFolder(tmp_path / "cache")
    folder.write(_copy(4))
    folder.write(_copy(5))
    folder.write(_copy(3, "a/b"))

    found = {copy.channel: copy for copy in LastGoodFolder(tmp_path / "cache").read_all()}

    assert found == {"live": _copy(5), "a/b": _copy(3, "a/b")}


def test_no_folder_is_no_copy(tmp_path: Path) -> None:
    assert list(LastGoodFolder(tmp_path / "none").read_all()) == []


def test_every_flipped_byte_and_every_cut_is_noticed(tmp_path: Path) -> None:
    folder = LastGoodFolder(tmp_path)
    folder.write(_copy())
    path = next(tmp_path.glob("*.weights"))
    whole = path.read_bytes()

    survived = []
    for position in range(0, len(whole), 7):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        survived += list(folder.read_all())
        path.write_bytes(whole[:position])
        survived += list(folder.read_all())

    assert survived == []


def test_a_copy_under_another_slots_name_is_left_out(tmp_path: Path) -> None:
    folder = LastGoodFolder(tmp_path)
    folder.write(_copy())
    path = next(tmp_path.glob("*.weights"))
    path.rename(path.with_name("flats@live.weights"))

    assert list(folder.read_all()) == []


def test_a_forgotten_copy_is_gone_and_forgetting_again_is_no_error(tmp_path: Path) -> None:
    folder = LastGoodFolder(tmp_path)
    folder.write(_copy())

    folder.forget("houses", "live")
    folder.forget("houses", "live")

    assert list(folder.read_all()) == []


def test_a_half_written_copy_beside_changes_nothing(tmp_path: Path) -> None:
    folder = LastGoodFolder(tmp_path)
    folder.write(_copy())
    (tmp_path / "houses@live.new").write_bytes(b"half")

    assert list(folder.read_all()) == [_copy()]


@pytest.mark.parametrize("content", [b"", b"riverrun-last-good-1\n", b"something else entirely" * 9])
def test_other_files_are_left_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "houses@live.weights").write_bytes(content)

    assert list(LastGoodFolder(tmp_path).read_all()) == []
