"""Writes docs/reliability.md from the results of the last runs and those that were kept before."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from tests.fault.harness.results import KEPT, ROOT, Result, kept, merged, of_last_runs
from tests.fault.mutants.table import MUTANTS
from tests.fault.rows import ROWS

PAGE = ROOT / "docs" / "reliability.md"

PREAMBLE = """# Reliability

Written by `make faults`; do not edit. Every promise below is shown by breaking something: processes are
killed, disks lose their power, run full or report errors, links are cut. An oracle that knows only what
clients were told then judges what the recovered system answers. `tests/fault/README.md` says how.

What durability costs is in [the benchmarks](benchmarks.md): `durable_*`.

A run of crashes counts only with at least 20 acknowledged pushes a second before the fault and a push in
flight in at least 30 % of the faults. No broken promise in N random faults bounds the rate at 3/N with 95 %
confidence; that is why the same is shown at every step of a commit, and why each mutant below must be caught.
Under strace and under a stepped clock pushes are slow, and their rate is not asked for.

How long something may take is asked for at release size, on a machine that does nothing else. At CI size,
which every change must pass on a machine that may be busy, times are only noted.

"""


SOAK = ROOT / "docs" / "soak.md"
SOAKED = "What two hours with everything on came to is in [its own page](soak.md).\n\n"


def page(results: Iterable[Result]) -> str:
    """The whole page."""
    results = list(results)
    machine = f"{os.cpu_count()} cores, Linux {platform.release().split('-')[0]}, ext4"
    lines = [PREAMBLE, SOAKED if SOAK.exists() else "", f"Measured on {machine}.\n\n"]
    for row in ROWS:
        lines.append(f"## {row.id}: {row.promise}\n\n{row.shown}\n\n")
        if row.note:
            lines.append(f"*{row.note}*\n\n")
        mine = [one for one in results if one.row == row.id]
        lines += [_result(one) for one in mine] or ["- not run yet\n"]
        lines.append("\n")
    lines.append("## Mutants\n\nEach breaks one rule in the server's process; the row must find it.\n\n")
    lines.append("| mutant | broken rule | caught by | as | after |\n| ---: | --- | --- | --- | --- |\n")
    present = {(mutant.number, mutant.row) for mutant in MUTANTS}
    found = [one.figures for one in results if one.row == "mutants" and one.figures]
    mutants = [one for one in found if (one["mutant"], one["row"]) in present]
    lines += [_mutant(found) for found in sorted(mutants, key=lambda found: int(found["mutant"]))]
    return "".join(lines)


def _result(one: Result) -> str:
    words = one.part.removeprefix("test_").replace("_", " ")
    said = ", ".join(f"{name} {_value(value)}" for name, value in one.figures.items())
    held = "held" if one.held else "NOT HELD"
    return f"- {words}: **{held}** ({one.size} size, {one.day}, {one.seconds:.0f} s). {said}\n"


def _mutant(found: dict[str, Any]) -> str:
    caught = found["caught as"] or "**not caught**"
    return f"| {found['mutant']} | {found['name']} | {found['row']} | {caught} | {found['after']} |\n"


def _value(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def main() -> None:
    results = merged(kept(), of_last_runs())
    KEPT.write_text(json.dumps([asdict(one) for one in results], indent=1) + "\n")
    PAGE.write_text(page(results))
    print(f"written: {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
