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


def parts() -> dict[str, list[Path]]:
    """The test files of each part, by its name."""
    found: dict[str, list[Path]] = {}
    for path in sorted(HERE.glob("test_*.py")):
        found.setdefault(path.stem.split("_")[1], []).append(path)
    return found


def run(files: list[Path]) -> bool:
    """Whether a part passed, in time."""
    environment = {**os.environ, "RIVERRUN_FAULTS_SIZE": "release"}
    command = ["timeout", "--signal=INT", "--kill-after=30", str(LIMIT_S)]
    command += [sys.executable, "-m", "pytest", "-s", *map(str, files)]
    return subprocess.run(command, env=environment, check=False).returncode == 0


def main() -> int:
    known = parts()
    names = sys.argv[1:] or list(known)
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"no part {', '.join(unknown)}; there are: {', '.join(known)}")
    failed = []
    for name in names:
        started = time.monotonic()
        passed = run(known[name])
        print(
            f"part {name}: {'passed' if passed else 'FAILED'} in {time.monotonic() - started:.0f} s",
            flush=True,
        )
        if not passed:
            failed.append(name)
    report.main()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
