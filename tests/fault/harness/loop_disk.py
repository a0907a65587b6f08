"""A disk of its own: an ext4 image on a loop device, which can lose its power and can run full.

A power cut is a copy of the image while it is mounted: what the file system had not yet sent to the disk
is not in the copy. Mounting the copy recovers it as a machine does that comes up again. What a real disk's
own cache loses beyond that is not simulated.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

MOUNT_OPTIONS = "loop,commit=300,nodiscard"
"""With a long commit interval nothing reaches the image by the file system's own clock within a run."""


class LoopDisk:
    """One image, mounted or not. `release` is always safe to call, and must be."""

    def __init__(self, image: Path, mount: Path) -> None:
        self.image = image
        self.path = mount

    @classmethod
    def make(cls, folder: Path, name: str, size: int) -> LoopDisk:
        """An empty file system of `size` bytes, not mounted."""
        disk = cls(folder / f"{name}.img", folder / name)
        with disk.image.open("wb") as file:
            file.truncate(size)
        _run("mkfs.ext4", "-q", "-m", "0", "-E", "nodiscard,lazy_itable_init=0", str(disk.image))
        return disk

    def mount(self) -> LoopDisk:
        """Mount it at `path`, recovering its journal where there is need."""
        self.path.mkdir(exist_ok=True)
        _run("mount", "-o", MOUNT_OPTIONS, str(self.image), str(self.path))
        return self

    def cut(self, name: str) -> LoopDisk:
        """The disk as it would be after a power cut now; not mounted. Whoever writes must stand still."""
        copy = LoopDisk(self.image.with_name(f"{name}.img"), self.path.with_name(name))
        _run("cp", "--sparse=always", str(self.image), str(copy.image))
        return copy

    def unmount(self) -> None:
        """Unmount it; nothing happens where it is not mounted."""
        for attempt in range(50):
            if not self.path.is_mount():
                break
            lazily = ["-l"] if attempt == 49 else []
            subprocess.run(["umount", *lazily, str(self.path)], capture_output=True, check=False)
            time.sleep(0.02 if self.path.is_mount() else 0)

    def release(self) -> None:
        """Unmount and remove it; nothing happens where that was done already."""
        self.unmount()
        self.image.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.path.rmdir()

    def remove(self, file: Path) -> None:
        """Give back the space of a file of this disk."""
        file.unlink(missing_ok=True)

    def free(self) -> int:
        """Bytes that are free."""
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize


@contextlib.contextmanager
def mounted(folder: Path, name: str, size: int) -> Iterator[LoopDisk]:
    """A mounted disk, released in the end."""
    disk = LoopDisk.make(folder, name, size)
    try:
        yield disk.mount()
    finally:
        disk.release()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
