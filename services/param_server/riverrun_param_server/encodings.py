"""Encoded weights, made once for all who ask the same at once, and remembered within a bound of bytes."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any

from riverrun_param_server.completion import Completion

CACHE_BYTES = 64 << 20

Key = tuple[int | str, int, int]
"""A model, a version of it, and the version that the caller holds (0: none)."""

Encoded = tuple[int, bytes, bytes]
"""The base that both encoded sides start from, 0 for none; serving's side; the trainer's side."""


class Encodings:
    """What `make` gave for a key, for as long as there is room; never made twice at the same time."""

    def __init__(self, completion: Completion) -> None:
        self._completion = completion
        self._cache: OrderedDict[Key, Encoded] = OrderedDict()
        self._cached_bytes = 0
        self._making: dict[Key, asyncio.Task[Encoded]] = {}

    async def get(self, key: Key, make: Callable[[], Coroutine[Any, Any, Encoded]]) -> Encoded:
        """The encoding for `key`; raises what `make` raises, and then remembers nothing."""
        found = self._cache.get(key)
        if found is not None:
            self._cache.move_to_end(key)
            return found
        making = self._making.get(key)
        if making is None:
            making = self._completion.start(self._make(key, make))
            self._making[key] = making
            making.add_done_callback(lambda _: self._making.pop(key, None))
        return await asyncio.shield(making)

    async def _make(self, key: Key, make: Callable[[], Coroutine[Any, Any, Encoded]]) -> Encoded:
        encoded = await make()
        size = len(encoded[1]) + len(encoded[2])
        if size <= CACHE_BYTES // 4:
            self._cache[key] = encoded
            self._cached_bytes += size
            while self._cached_bytes > CACHE_BYTES:
                _, gone = self._cache.popitem(last=False)
                self._cached_bytes -= len(gone[1]) + len(gone[2])
        return encoded
