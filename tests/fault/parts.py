"""Runs the release sizes part by part, each within its ten minutes, and writes the page.

``python -m tests.fault.parts [PART…]``: a part is the files ``test_<part>_*.py``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.fault.harness import report

HERE = Path(__file__).parent
LIMIT_S = 600

SPLIT = {
    "a1": ("nine", "not nine"),
    "a2": ("pushes or snapshots", "events or pruning", "first or write_and_sync"),
    "a4": ("flips", "not flips"),
    "a9": ("piece0", "piece1"),
    "b1": ("piece0 or piece1 or piece2", "piece3 or piece4 or piece5", "piece6 or piece7"),
    "b2": ("piece0 or piece1", "piece2 or piece3", "not (piece0 or piece1 or piece2 or piece3)"),
    "b5": ("piece0", "not piece0"),
    "b7": ("hangs", "ends", "not (hangs or ends)"),
    "b8": ("linear", "forest", "torch"),
    "e2": ("weights", "not weights"),
    "c4": ("piece0 or piece1", "piece2 or piece3", "not (piece0 or piece1 or piece2 or piece3)"),
}
"""Parts that take longer in all: run in pieces, each within the limit, chosen as pytest's -k does."""

APART_S = {"c3": 2400, "c11": 1800, "c14": 4800}
"""Parts that watch something for long, and the limit of each: run only where they are named."""


def parts() -> dict[str, list[Path]]:
    """The test files of each part, by its name."""
    found: dict[str, list[Path]] = {}
    for path in sorted(HERE.glob("test_*.py")):
        found.setdefault(path.stem.split("_")[1], []).append(path)
    return found


def run(files: list[Path], chosen: str, limit_s: int) -> bool:
    """Whether the tests that `chosen` picks, all for an empty one, passed in time."""
    limit = str(limit_s)
    environment = {**os.environ, "RIVERRUN_FAULTS_SIZE": "release", "RIVERRUN_FAULTS_LIMIT_S": limit}
    environment["PYTHONHASHSEED"] = "1"
    command = ["timeout", "--signal=INT", "--kill-after=30", limit]
    command += [sys.executable, "-m", "pytest", "-s", "-rs", *map(str, files)]
    command += ["-k", chosen] if chosen else []
    return subprocess.run(command, env=environment, check=False).returncode == 0


def main() -> int:
    known = parts()
    names = sys.argv[1:] or [name for name in known if name not in APART_S]
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"no part {', '.join(unknown)}; there are: {', '.join(known)}")
    failed = 0
    for name in names:
        for chosen in SPLIT.get(name, ("",)):
            started = time.monotonic()
            passed = run(known[name], chosen, APART_S.get(name, LIMIT_S))
            failed += not passed
            outcome = f"{'passed' if passed else 'FAILED'} in {time.monotonic() - started:.0f} s"
            print(f"part {name} {chosen}: {outcome}", flush=True)
    report.main()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
