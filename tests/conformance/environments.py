"""The clients' environments below .venv-conformance, apart from ours: they pin against each other and us.

``python -m tests.conformance.environments`` makes what is missing.
"""

from __future__ import annotations

from pathlib import Path

from scripts.environment import Environment

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parents[1] / ".venv-conformance"

CLIENTS = Environment(FOLDER / "clients", (HERE / "requirements-clients.txt",))
MLSERVER = Environment(FOLDER / "mlserver", (HERE / "requirements-mlserver.txt",))
ALL = (CLIENTS, MLSERVER)


def main() -> None:
    for environment in ALL:
        environment.ensure()


if __name__ == "__main__":
    main()
