"""What each row came to, as one small JSON file for each of its tests, for `report`."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
OUT = ROOT / "fault-out"
KEPT = ROOT / "docs" / "reliability.json"


@dataclass(frozen=True, slots=True)
class Result:
    """One test of one row. `size` is ci or release; `figures` are in the order of the report."""

    row: str
    part: str
    size: str
    held: bool
    seconds: float
    figures: dict[str, Any] = field(default_factory=dict)
    day: str = field(default_factory=lambda: datetime.now(UTC).date().isoformat())

    def write(self) -> None:
        """Keep it beside those of other rows; one of the same row and part is replaced."""
        OUT.mkdir(exist_ok=True)
        name = re.sub(r"[^A-Za-z0-9]+", "-", f"{self.row}-{self.part}").strip("-")
        (OUT / f"{name}.json").write_text(json.dumps(asdict(self), indent=1) + "\n")


def of_last_runs() -> list[Result]:
    """Every result in `OUT`."""
    return [Result(**json.loads(path.read_text())) for path in sorted(OUT.glob("*.json"))]


def kept() -> list[Result]:
    """The results that the page was last written from."""
    return [Result(**one) for one in json.loads(KEPT.read_text())] if KEPT.exists() else []


def merged(old: list[Result], new: list[Result]) -> list[Result]:
    """`new` over `old`; but a CI-sized run that held does not hide one of release size."""
    found = {(one.row, one.part): one for one in old}
    for one in new:
        before = found.get((one.row, one.part))
        if before is None or not one.held or one.size == "release" or before.size == "ci":
            found[(one.row, one.part)] = one
    return [found[key] for key in sorted(found)]
