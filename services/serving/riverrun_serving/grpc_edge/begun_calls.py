"""Which calls were begun at all: an overloaded process hears of many that nobody waits for any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import grpc


class BegunCalls(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no hints
    """The calls of `inner`, whose handlers say `begin` first.

    gRPC asks here in the task that is a call's until its end. A call whose task ends and was not begun has
    been refused by gRPC's bound on calls, cancelled, or was past its deadline before its turn.
    """

    def __init__(self, inner: grpc.GenericRpcHandler, on_unanswered: Callable[[str], None]) -> None:
        """`on_unanswered` is called with the name of the method that was never begun."""
        self._inner = inner
        self._on_unanswered = on_unanswered
        self._begun: set[asyncio.Task[Any] | None] = set()

    def service(self, details: Any) -> Any:
        """As gRPC calls it."""
        handler = self._inner.service(details)
        task = asyncio.current_task()
        if handler is not None and task is not None:
            task.add_done_callback(partial(self._ended, details.method.rpartition("/")[2]))
        return handler

    def begin(self) -> None:
        """This task's call is begun; its end is counted elsewhere."""
        self._begun.add(asyncio.current_task())

    def _ended(self, method: str, task: asyncio.Task[Any]) -> None:
        if task in self._begun:
            self._begun.discard(task)
        else:
            self._on_unanswered(method)
