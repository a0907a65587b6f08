"""Many small writes, one fsync: whatever waits when the disk becomes free goes into one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from riverrun.core.errors import Exhausted

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class GroupCommit(Generic[Item, Answer]):
    """Hands waiting items to `commit` all at once, one call at a time, in order of arrival."""

    def __init__(
        self, commit: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]], *, max_waiting_bytes: int
    ) -> None:
        """`commit` answers each item in order, or raises for all of them."""
        self._commit = commit
        self._max_waiting_bytes = max_waiting_bytes
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._waiting_bytes = 0
        self._committer: asyncio.Task[None] | None = None

    async def submit(self, item: Item, size: int) -> Answer:
        """The answer for `item` of `size` bytes, once it is committed.

        Raises what `commit` raised, and `Exhausted` when too much waits already. A caller that is
        cancelled leaves the item on its way.
        """
        if self._waiting_bytes + size > self._max_waiting_bytes:
            raise Exhausted("the event log's queue", f"{self._max_waiting_bytes} bytes")
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        self._waiting_bytes += size
        if self._committer is None:
            self._committer = asyncio.create_task(self._commit_all(), name="group-commit")
        return await answer

    async def drained(self) -> None:
        """Return once nothing waits and nothing is being committed."""
        if self._committer is not None:
            await asyncio.wait([self._committer])

    async def _commit_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting, self._waiting_bytes = self._waiting, [], 0
                try:
                    answers = await self._commit([item for item, _ in batch])
                except Exception as error:
                    for _, future in batch:
                        if not future.done():
                            future.set_exception(error)
                    continue
                for (_, future), answer in zip(batch, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)
        finally:
            self._committer = None
