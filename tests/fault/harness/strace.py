"""Faults at system calls, by strace: a server that meets them is started with one of these as its prefix."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

SYNCS = "fsync,fdatasync"
WRITES = "pwrite64,write"

_CALL = re.compile(r"^(\d+) +(\d+\.\d+) (?:(\w+)\(\d+<([^>]*)>)?")


def failing(calls: str, error: str, nth: int, log: Path, *, path: Path | None = None) -> Sequence[str]:
    """The `nth` of `calls` fails with `error`, in each thread; with `path` only those on that file.

    The log says when: see `injected_at`.
    """
    # By a filter in the kernel other calls pass at full speed; a signal is not injected with one (6.1).
    return _traced(calls, f"error={error}:when={nth}", log, path, "--seccomp-bpf")


def killed_at(calls: str, nth: int, log: Path) -> Sequence[str]:
    """kill -9 as a thread enters its `nth` of `calls`."""
    return _traced(calls, f"signal=KILL:when={nth}", log, None)


def injected_at(log: Path) -> list[float]:
    """Unix times at which calls were made to fail, but for SQLite's sync of its journal's folder.

    SQLite passes over what that one says; the product syncs the folder itself before anything relies on it.
    """
    found: list[float] = []
    begun: dict[str, tuple[str, str]] = {}
    for line in log.read_text(errors="replace").splitlines() if log.exists() else ():
        if (match := _CALL.match(line)) is None:
            continue
        thread, at, call, file = match.groups()
        if call:
            begun[thread] = (call, file)
        if line.endswith("(INJECTED)"):
            call, file = begun.get(thread, ("", ""))
            if (call, Path(file).suffix) != ("fdatasync", ""):
                found.append(float(at))
    return found


def _traced(calls: str, what: str, log: Path, path: Path | None, *more: str) -> Sequence[str]:
    only = ["-P", str(path)] if path else []
    # -D: the server keeps the process id that was started, strace is a process beside it.
    options = ["-D", "-f", *more, "-qq", "-ttt", "-y", "-o", str(log), *only]
    return ["/usr/bin/strace", *options, "-e", f"trace={calls}", "-e", f"inject={calls}:{what}", "--"]
