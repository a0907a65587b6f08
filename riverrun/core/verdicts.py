"""What the gate of a line came to: made by its trainer, applied by the parameter server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Verdict:
    """On one `version` of a line.

    One that `passed` is marked good; live goes there where the gate enforces, and follows its line again
    where the gate had held it. Otherwise live, where it follows the line, is held at `hold_version` (0: it
    stays), and learning goes on from `reset_version` (0: as it is), the examples since left out.

    `kind` is what the journal calls it, empty for what is not worth a record. `facts` are for the record.
    """

    version: int
    passed: bool
    kind: str = ""
    reason: str = ""
    hold_version: int = 0
    reset_version: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
