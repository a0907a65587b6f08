"""The clients' environments below .venv-conformance, apart from ours: they pin against each other and us.

``python -m tests.conformance.environments`` makes what is missing.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parents[1] / ".venv-conformance"
NAMES = ("clients", "mlserver")


def python_of(name: str) -> Path:
    """The interpreter of an environment, made or not."""
    return FOLDER / name / "bin" / "python"


def missing() -> list[str]:
    """The environments that are not there, or have other versions than their requirements say."""
    return [name for name in NAMES if not _stamp(name).exists()]


def make(name: str) -> None:
    """Make an environment anew. Raises `CalledProcessError` where pip cannot install it."""
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(FOLDER / name)], check=True)
    pip = [str(python_of(name)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-deps", "--requirement", str(_requirements(name))], check=True)
    _stamp(name).touch()


def version_of(name: str, distribution: str) -> str:
    """The version that an environment's requirements pin."""
    lines = _requirements(name).read_text().splitlines()
    return next(line for line in lines if line.startswith(f"{distribution}==")).partition("==")[2]


def _requirements(name: str) -> Path:
    return HERE / f"requirements-{name}.txt"


def _stamp(name: str) -> Path:
    digest = hashlib.sha256(_requirements(name).read_bytes()).hexdigest()[:16]
    return FOLDER / name / f"made-{digest}"


def main() -> None:
    for name in missing():
        print(f"making {FOLDER.name}/{name} (once)", flush=True)
        make(name)


if __name__ == "__main__":
    main()
