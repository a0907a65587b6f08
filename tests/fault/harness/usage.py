"""What a process takes of its machine, read from ``/proc``."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes in memory, threads, and open files with sockets."""

    rss: int
    threads: int
    files: int


def usage(pid: int) -> Usage:
    """What the process `pid` takes now."""
    folder = Path(f"/proc/{pid}")
    said = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    rss = int(said["VmRSS"].split()[0]) << 10
    return Usage(rss, int(said["Threads"]), len(list((folder / "fd").iterdir())))


def cpu_s(pid: int) -> float:
    """Seconds of the processor that all threads of `pid` have taken, those that ended left out."""
    taken = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        # One may end as it is looked at.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            taken += int((task / "schedstat").read_text().split()[0])
    return taken / 1e9


def read_bytes(pid: int) -> int:
    """Bytes that the process `pid` has read, from files and by ``read`` from sockets."""
    return int((Path(f"/proc/{pid}") / "io").read_text().split()[1])
