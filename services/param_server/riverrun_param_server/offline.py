"""``python -m riverrun_param_server.offline``: what is done to a store while no server uses it.

`riverrun store` is the command for people; it runs this program, which answers with one JSON document.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from riverrun.core.errors import RiverrunError
from riverrun_param_server.examination import examine
from riverrun_param_server.restore import restore


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; 0 when all is well, 1 when something is damaged or refused."""
    parser = argparse.ArgumentParser(prog="python -m riverrun_param_server.offline")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verify = verbs.add_parser("verify", help="prove everything that a store holds")
    verify.add_argument("folder", type=Path)
    restoring = verbs.add_parser("restore", help="make a store of a backup")
    restoring.add_argument("backup", type=Path)
    restoring.add_argument("folder", type=Path)
    wanted = parser.parse_args(arguments)
    try:
        if wanted.verb == "verify":
            report = examine(wanted.folder)
            _answer({"ok": report.ok, **msgspec.to_builtins(report)})
            return 0 if report.ok else 1
        _answer(msgspec.to_builtins(restore(wanted.backup, wanted.folder)))
    except (RiverrunError, OSError) as error:
        print(str(error), file=sys.stderr)
        return 1
    return 0


def _answer(document: dict[str, Any]) -> None:
    sys.stdout.write(msgspec.json.encode(document).decode() + "\n")


if __name__ == "__main__":
    sys.exit(main())
