"""Many writers, few commits."""

import asyncio

import pytest

from riverrun.core.errors import Exhausted
from riverrun.events.embedded.group_commit import GroupCommit


class Disk:
    """Takes batches while it is open, one at a time."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.batches: list[list[str]] = []

    async def commit(self, batch):
        self.batches.append(list(batch))
        await self.open.wait()
        if "bad" in batch:
            raise OSError("bad")
        return [item.upper() for item in batch]


async def test_all_that_waits_goes_into_one_commit():
    disk = Disk()
    group = GroupCommit(disk.commit, max_waiting_bytes=100)
    first = asyncio.create_task(group.submit("a", 1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    rest = [asyncio.create_task(group.submit(item, 1)) for item in "bcd"]
    await asyncio.sleep(0)

    disk.open.set()

    assert await asyncio.gather(first, *rest) == ["A", "B", "C", "D"]
    assert disk.batches == [["a"], ["b", "c", "d"]]


async def test_a_failure_reaches_all_of_its_commit_and_none_after():
    disk = Disk()
    disk.open.set()
    group = GroupCommit(disk.commit, max_waiting_bytes=100)

    results = await asyncio.gather(
        group.submit("bad", 1), group.submit("with bad", 1), return_exceptions=True
    )

    assert [type(result) for result in results] == [OSError, OSError]
    assert await group.submit("good", 1) == "GOOD"


async def test_more_than_may_wait_is_refused_and_the_rest_is_not():
    disk = Disk()
    group = GroupCommit(disk.commit, max_waiting_bytes=10)
    waiting = asyncio.create_task(group.submit("a", 8))
    await asyncio.sleep(0)

    with pytest.raises(Exhausted):
        await group.submit("b", 3)

    disk.open.set()
    assert await waiting == "A"


async def test_a_caller_that_gives_up_does_not_hold_up_the_others():
    disk = Disk()
    group = GroupCommit(disk.commit, max_waiting_bytes=100)
    gone = asyncio.create_task(group.submit("a", 1))
    stays = asyncio.create_task(group.submit("b", 1))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)

    disk.open.set()

    assert await stays == "B"
    await group.drained()
    assert disk.batches == [["a", "b"]]
