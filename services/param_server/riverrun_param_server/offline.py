"""``python -m riverrun_param_server.offline``: what is done to a store while no server uses it.

`riverrun store` is the command for people; it runs this program, which answers with one JSON document.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from riverrun.core.errors import RiverrunError
from riverrun_param_server.examination import examine


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; 0 when all is well, 1 when something is damaged or refused."""
    parser = argparse.ArgumentParser(prog="python -m riverrun_param_server.offline")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verify = verbs.add_parser("verify", help="prove everything that a store holds")
    verify.add_argument("folder", type=Path)
    wanted = parser.parse_args(arguments)
    try:
        report = examine(wanted.folder)
    except (RiverrunError, OSError) as error:
        print(f"{error}", file=sys.stderr)
        return 1
    document = {"ok": report.ok, **msgspec.to_builtins(report)}
    sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
