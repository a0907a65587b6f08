"""Run by path, before a service: ``python -I -S parent_bound.py PARENT_PID COMMAND…``.

Asks the kernel to kill this process when its parent is gone, then becomes COMMAND, which inherits the
wish. So a supervisor that was killed with -9 leaves nothing running. Imports the standard library alone,
and little of it: it costs each start some milliseconds.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def become(parent: int, command: list[str]) -> None:
    """Replace this process by `command`, to be killed when `parent` ends; does not return."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        # The parent ended before the wish was made, so no signal will come of it.
        sys.exit("the supervisor is gone")
    os.execv(command[0], command)  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    become(int(sys.argv[1]), sys.argv[2:])
