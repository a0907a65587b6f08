"""What runs that were killed left behind: mounts, folders and memory cgroups, named by their process.

``python -m tests.fault.harness.leftovers`` removes those of processes that are gone; nothing says a word.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "riverrun-fault-"
MEMORY_CGROUPS = (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup"))
"""Of the first version of cgroups and of the second."""


def named(more: str = "") -> str:
    """A name that says which process it is of."""
    return f"{PREFIX}{os.getpid()}{more}"


def sweep() -> None:
    """Remove what belongs to no process that runs."""
    places = list(_left(Path(tempfile.gettempdir())))
    for mount in reversed(_mounts()):
        if any(mount.is_relative_to(place) for place in places):
            subprocess.run(["umount", "-l", str(mount)], capture_output=True, check=False)
    for place in places:
        shutil.rmtree(place, ignore_errors=True)
    for cgroups in MEMORY_CGROUPS:
        for cgroup in _left(cgroups):
            with contextlib.suppress(OSError):
                cgroup.rmdir()


def _left(folder: Path) -> Iterator[Path]:
    for place in folder.glob(f"{PREFIX}*") if folder.is_dir() else ():
        owner = re.fullmatch(rf"{PREFIX}(\d+)(-.*)?", place.name)
        if owner is not None and not Path(f"/proc/{owner[1]}").exists():
            yield place


def _mounts() -> list[Path]:
    return [Path(line.split()[1]) for line in Path("/proc/self/mounts").read_text().splitlines()]


if __name__ == "__main__":
    sweep()
