"""Named points at which a process can be made to end at once: how the tests of durability stop it between
two steps of a commit.

``RIVERRUN_FAILPOINT=commit.after-fsync:3`` ends the process the third time it passes that point, without
any clean-up, as a power cut or ``kill -9`` would. Unset, which is always outside those tests, `reach` is
a function that does nothing.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import BinaryIO

VARIABLE = "RIVERRUN_FAILPOINT"

EXIT_STATUS = 86
"""What a process exits with at a failpoint."""

POINTS = frozenset(
    {
        # A file that is written as a whole: a large body, the store's id.
        "file.before-write",
        "file.half-written",
        "file.after-write",
        "file.after-fsync",
        "file.after-rename",
        "file.after-folder-fsync",
        # The transaction of a push, of a session's epoch, of a channel's move.
        "commit.before-write",
        "commit.half-written",
        "commit.after-write",
        "commit.after-fsync",
        # A push once it is durable.
        "push.before-publish",
        "push.after-publish",
        "push.before-ack",
        # The event log's group commit.
        "events.before-write",
        "events.half-written",
        "events.after-write",
        "events.after-fsync",
        "events.after-publish",
        "events.before-ack",
        # Old events that move into a file, and old files that go.
        "history.after-file",
        "history.half-moved",
        "history.after-move",
        "history.after-drop",
        # A snapshot of a line's head.
        "snapshot.before-write",
        "snapshot.after-write",
        "snapshot.after-fsync",
        # Old versions that go: the deltas after them are composed, rows go, then files.
        "compaction.after-files",
        "prune.before-write",
        "prune.half-written",
        "prune.after-write",
        "prune.after-fsync",
        "prune.after-files",
        # The first start over an empty folder.
        "start.after-schema",
        "start.half-identified",
        # A pod's last-good copy.
        "copy.half-written",
        "copy.after-write",
        "copy.after-fsync",
        "copy.after-rename",
        # A retrain: its line opened, live moved to it, its line closed; and its process, about to say what it
        # came to, and when it has said so.
        "retrain.after-start",
        "retrain.before-take-over",
        "retrain.after-take-over",
        "retrain.after-end",
        "retrain.before-finish",
        "retrain.after-finish",
        # The trainer: events are learned, those that cannot be are set aside, a state is taken and pushed.
        "trainer.after-restore",
        "trainer.after-learning",
        "trainer.before-letters",
        "trainer.after-letters",
        "trainer.after-capture",
        "trainer.before-push",
        "trainer.after-answer",
        "trainer.after-push",
    }
)
"""Every point there is."""


class _Armed:
    """Ends the process at the `passes`-th pass of the point `name`; threads may pass it together."""

    def __init__(self, name: str, passes: int) -> None:
        self._name = name
        self._left = passes
        self._lock = threading.Lock()

    def __call__(self, name: str) -> None:
        if name == self._name:
            with self._lock:
                self._left -= 1
                if self._left == 0:
                    os._exit(EXIT_STATUS)


def armed(value: str) -> Callable[[str], None]:
    """What `reach` is where the variable is `value`: a point's name, or name:pass counted from 1.

    Raises ValueError for a point that is not there.
    """
    name, _, passes = value.partition(":")
    if not name:
        return _pass
    if name not in POINTS:
        raise ValueError(f"{VARIABLE}: no point {name!r}; there are: {', '.join(sorted(POINTS))}")
    return _Armed(name, int(passes or 1))


def _pass(name: str) -> None:
    """Nothing happens here."""


_value = os.environ.get(VARIABLE, "")

reach = armed(_value)
"""Say that a point is passed, by its name."""


def write(file: BinaryIO, body: bytes, point: str) -> None:
    """Write `body`; with `point` armed it reaches the kernel in two halves, and the point is between them."""
    if _value.startswith(point):
        half = len(body) // 2
        file.write(body[:half])
        file.flush()
        reach(point)
        body = body[half:]
    file.write(body)
