"""Tells what decoding made Python do beside computing: run, compile, import, open or start anything."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

FORBIDDEN = frozenset(
    {
        "compile",
        "ctypes.dlopen",
        "exec",
        "import",
        "marshal.loads",
        "open",
        "os.exec",
        "os.fork",
        "os.posix_spawn",
        "os.system",
        "pickle.find_class",
        "socket.connect",
        "subprocess.Popen",
    }
)
_seen: list[str] = []
_is_watching = False


def _watch(event: str, _: tuple[Any, ...]) -> None:
    if _is_watching and event in FORBIDDEN:
        _seen.append(event)


# A hook can be added and never taken away, so there is one for all tests of a process.
sys.addaudithook(_watch)


@contextmanager
def watched() -> Iterator[list[str]]:
    """The forbidden events of the block, in a list that fills as they come."""
    global _is_watching
    _seen.clear()
    _is_watching = True
    try:
        yield _seen
    finally:
        _is_watching = False
