"""Tells what decoding made Python do beside computing: run, compile, import, open or start anything."""

from __future__ import annotations

import sys
import threading
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
        "_thread.start_new_thread",
    }
)
_seen: list[str] = []
# The thread that decodes: others of this process do as they please. 0: nobody is watched.
_watched_thread = 0


def _watch(event: str, _: tuple[Any, ...]) -> None:
    if event in FORBIDDEN and _watched_thread == threading.get_ident():
        _seen.append(event)


# A hook can be added and never taken away, so there is one for all tests of a process.
sys.addaudithook(_watch)


@contextmanager
def watched() -> Iterator[list[str]]:
    """The forbidden events of the block, in a list that fills as they come."""
    global _watched_thread
    _seen.clear()
    _watched_thread = threading.get_ident()
    try:
        yield _seen
    finally:
        _watched_thread = 0
