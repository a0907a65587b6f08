"""Processes under measurement: started on chosen cores, watched by their CPU time, and stopped."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from riverrun.cli.up import parent_bound

PARENT_BOUND = Path(parent_bound.__file__)
STOP_S = 15.0
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def on_cores(cores: Iterable[int] | None) -> Iterator[None]:
    """Run what is started inside on these cores only; None leaves the choice to the kernel."""
    before = os.sched_getaffinity(0)
    if cores is not None:
        os.sched_setaffinity(0, set(cores))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def running(
    command: Sequence[str],
    log: Path,
    *,
    cores: Iterable[int] | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process, its output in `log`, asked to stop at the end and killed if it will not.

    It ends with this process too, however that ends. The command's program is given by its whole path.
    """
    command = [sys.executable, "-I", "-S", str(PARENT_BOUND), str(os.getpid()), *command]
    with log.open("wb") as output, on_cores(cores):
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=env)
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to stop and kill it if it will not; it has ended when this returns."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def tree(pid: int) -> list[int]:
    """A process and all that descend from it, itself first; empty when it has ended."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except FileNotFoundError:
        return []
    found = [pid]
    for thread in threads:
        with suppress(FileNotFoundError, ProcessLookupError):  # it may end meanwhile
            for child in (thread / "children").read_text().split():
                found += tree(int(child))
    return found


def stop_tree(process: subprocess.Popen[bytes]) -> None:
    """Stop a process, and kill what it started and did not stop; all have ended when this returns."""
    helpers = [os.pidfd_open(pid) for pid in tree(process.pid)[1:]]
    stop(process)
    for helper in helpers:
        if not select.select([helper], [], [], STOP_S)[0]:
            signal.pidfd_send_signal(helper, signal.SIGKILL)
            select.select([helper], [], [])
        os.close(helper)


def python(module: str, *arguments: str) -> list[str]:
    """The command that runs a module with this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def wait_until(check: Callable[[], bool], what: str, timeout_s: float = 60.0) -> None:
    """Poll until `check` holds; TimeoutError naming `what` when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not check():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:g} s for {what}")
        time.sleep(0.05)


def listening(port: int) -> bool:
    """Whether something answers on a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU time that these processes have taken so far, user and system."""
    total = 0.0
    for pid in pids:
        # The command's name may hold spaces and parentheses: fields are counted after its end.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / CLOCK_TICKS
    return total


def pin(pid: int, cores: Iterable[int]) -> None:
    """Let a running process, with all its threads, use these cores only."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), set(cores))
