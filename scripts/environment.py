"""An environment apart from ours, for programs that pin against us or against each other.

It is made once, of the exact versions that requirements files say, and made anew when these change.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Environment:
    """The environment in `folder`; `requirements` together pin everything in it."""

    folder: Path
    requirements: tuple[Path, ...]

    def program(self, name: str) -> Path:
        """The path of one of its programs, such as ``python``, made or not."""
        return self.folder / "bin" / name

    @property
    def is_made(self) -> bool:
        """Whether it is there, with the versions that its requirements say now."""
        return self._stamp.exists()

    def ensure(self) -> None:
        """Make it if it is not made; what is said meanwhile goes to stderr.

        Raises:
            subprocess.CalledProcessError: pip cannot install it. The next call begins anew.
        """
        if not self.is_made:
            print(f"making {self.folder.parent.name}/{self.folder.name} (once)", file=sys.stderr, flush=True)
            _run(sys.executable, "-m", "venv", "--clear", str(self.folder))
            files = [word for path in self.requirements for word in ("--requirement", str(path))]
            pip = (str(self.program("python")), "-m", "pip", "install")
            _run(*pip, "--quiet", "--disable-pip-version-check", "--no-deps", *files)
            self._stamp.touch()

    def version_of(self, distribution: str) -> str:
        """The version that its requirements pin."""
        lines = [line for path in self.requirements for line in path.read_text().splitlines()]
        return next(line for line in lines if line.startswith(f"{distribution}==")).partition("==")[2]

    @property
    def _stamp(self) -> Path:
        content = b"".join(path.read_bytes() for path in self.requirements)
        return self.folder / f"made-{hashlib.sha256(content).hexdigest()[:16]}"


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr)
