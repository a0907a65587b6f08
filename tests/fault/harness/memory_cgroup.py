"""A limit on the memory of processes, as a pod has: over it the kernel ends them with SIGKILL."""

from __future__ import annotations

import contextlib

from tests.fault.harness import leftovers

V1, V2 = leftovers.MEMORY_CGROUPS


class MemoryLimit:
    """A memory cgroup of its own while the block runs; the processes in it must end before the block does."""

    def __init__(self, max_bytes: int) -> None:
        first = V1.is_dir()
        self._folder = (V1 if first else V2) / leftovers.named()
        self._limit = "memory.limit_in_bytes" if first else "memory.max"
        self._max_bytes = max_bytes

    def __enter__(self) -> MemoryLimit:
        self._folder.mkdir(exist_ok=True)
        (self._folder / self._limit).write_text(str(self._max_bytes))
        return self

    def __exit__(self, *_: object) -> None:
        for line in (self._folder / "cgroup.procs").read_text().split():
            # Whoever is still there goes back to where it came from.
            with contextlib.suppress(OSError):
                (self._folder.parent / "cgroup.procs").write_text(line)
        with contextlib.suppress(OSError):
            self._folder.rmdir()

    def add(self, pid: int) -> None:
        """Put a process under the limit; what it takes from now on counts."""
        (self._folder / "cgroup.procs").write_text(str(pid))
