"""Copies are written in the background while slots come and go."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from pathlib import Path

from riverrun_serving.sync.cache_writer import CacheWriter
from riverrun_serving.sync.last_good import LastGood, LastGoodFolder

from tests.unit.serving.in_test_predictor import SPEC_YAML, manifest_of, units_of

MODEL = manifest_of(1).model


def copy_of(channel: str) -> LastGood:
    return LastGood("store-a", (), channel, 1, manifest_of(1), SPEC_YAML, units_of(1))


def channels(folder: Path) -> set[str]:
    return {copy.channel for copy in LastGoodFolder(folder).read_all()}


async def until_written(folder: Path, expected: set[str]) -> None:
    async with asyncio.timeout(60):
        while channels(folder) != expected:
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def writing(writer: CacheWriter) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(writer.run())
        yield
        task.cancel()


async def test_a_slot_that_goes_while_others_are_written_ends_nothing(tmp_path: Path) -> None:
    writer = CacheWriter(LastGoodFolder(tmp_path), every_s=0.01)

    def first() -> LastGood:
        writer.forget(MODEL, "second")
        return copy_of("first")

    writer.want(MODEL, "first", first)
    writer.want(MODEL, "second", lambda: copy_of("second"))
    async with writing(writer):
        await until_written(tmp_path, {"first"})
        writer.want(MODEL, "third", lambda: copy_of("third"))
        await until_written(tmp_path, {"first", "third"})


class SlowFolder(LastGoodFolder):
    """A folder on a disk that takes its time."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.begun, self.go_on = threading.Event(), threading.Event()

    def write(self, copy: LastGood) -> None:
        self.begun.set()
        assert self.go_on.wait(60)
        super().write(copy)


async def test_no_copy_stays_of_a_slot_that_went_while_it_was_written(tmp_path: Path) -> None:
    folder = SlowFolder(tmp_path)
    writer = CacheWriter(folder, every_s=0.01)
    writer.want(MODEL, "gone", lambda: copy_of("gone"))
    async with writing(writer):
        assert await asyncio.to_thread(folder.begun.wait, 60)
        writer.forget(MODEL, "gone")
        writer.want(MODEL, "kept", lambda: copy_of("kept"))
        folder.go_on.set()
        await until_written(tmp_path, {"kept"})
