"""Write requirements/*.txt: every distribution that `make` installs, at one exact version.

Each file adds to the one before it (base, demo, dev; build stands alone), so that `make demo`
need not install what only tests use. Versions that are locked already are kept; ``--upgrade`` resolves
everything anew. The names come from pyproject.toml, the versions from pip's own resolver, which
installs nothing here.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "requirements"
HEADER = "# Written by `make lock` from pyproject.toml; do not edit.\n"


def layers() -> dict[str, list[str]]:
    """The requirements of each file, without those of the files before it."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, groups = pyproject["project"], pyproject["dependency-groups"]
    extras = project["optional-dependencies"]
    return {
        "build": groups["build"],
        # The image has traces on board: whether there are any is a matter of its environment.
        "base": project["dependencies"] + extras["otel"],
        "demo": extras["replay"] + extras["plot"],
        "dev": extras["torch"] + extras["kubectl"] + extras["objectstore"] + groups["dev"],
    }


def resolve(requirements: list[str], constraints: dict[str, str]) -> dict[str, str]:
    """Name -> version of everything that `requirements` need, as pip would install it."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as pins:
        pins.write("".join(f"{name}=={version}\n" for name, version in constraints.items()))
        pins.flush()
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--report", "-", "--constraint", pins.name, *requirements]
        report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    found = (entry["metadata"] for entry in report["install"])
    # A local version (torch's `+cpu`) names one builder's file: any build of that version will do.
    return {entry["name"].lower().replace("_", "-"): entry["version"].split("+")[0] for entry in found}


def locked() -> dict[str, str]:
    """Name -> version of what the files lock now."""
    lines = [line for path in FOLDER.glob("*.txt") for line in path.read_text().splitlines()]
    return dict(line.split("==") for line in lines if "==" in line)


def main() -> None:
    about = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that fit together")
    pins = {} if parser.parse_args().upgrade else locked()
    requirements: list[str] = []
    above: dict[str, str] = {}
    for name, wanted in layers().items():
        found = resolve(requirements + wanted, pins | above)
        lines = sorted(f"{key}=={version}" for key, version in found.items() if key not in above)
        (FOLDER / f"{name}.txt").write_text(HEADER + "\n".join(lines) + "\n")
        print(f"requirements/{name}.txt: {len(lines)} pins")
        if name != "build":  # the package is built in the same environment, but runs without these
            requirements, above = requirements + wanted, found


if __name__ == "__main__":
    main()
