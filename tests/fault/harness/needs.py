"""What a row needs of the machine, and why it cannot run where that is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

# The one for programs with threads: with the other a thread now and then reads a clock that is wrong by days,
# and the timers that it set by it never end.
LIBFAKETIME = tuple(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


def _root() -> str:
    return "" if os.geteuid() == 0 else "it needs root, to mount"


def _loop() -> str:
    if reason := _root():
        return reason
    if not Path("/dev/loop-control").exists():
        return "there are no loop devices here (/dev/loop-control)"
    return "" if shutil.which("mkfs.ext4") else "mkfs.ext4 is not installed (e2fsprogs)"


def _strace() -> str:
    return "" if shutil.which("strace") else "strace is not installed"


def _faketime() -> str:
    return "" if LIBFAKETIME else "libfaketime is not installed (faketime)"


def _memory() -> str:
    if reason := _root():
        return reason
    first, second = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup/cgroup.controllers")
    return "" if first.is_dir() or second.exists() else "there are no memory cgroups here"


NEEDS: dict[str, Callable[[], str]] = {
    "root": _root,
    "loop": _loop,
    "strace": _strace,
    "faketime": _faketime,
    "memory": _memory,
}


def missing(needs: tuple[str, ...]) -> str:
    """Why these needs are not met; empty when they are."""
    return "; ".join(filter(None, (NEEDS[need]() for need in needs)))


def memory_disk(folder: Path) -> str:
    """Why `folder` is no place for crash tests: it is in memory; empty when it is on a disk."""
    best, kind = "", ""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mount, found, *_ = line.split()
        if len(mount) > len(best) and (folder == Path(mount) or folder.is_relative_to(mount)):
            best, kind = mount, found
    return f"{folder} is on {kind}" if kind in ("tmpfs", "ramfs") else ""
