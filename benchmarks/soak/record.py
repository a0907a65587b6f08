"""What a soak leaves in its folder: samples as they came, what was done, and what became of labels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.soak.samples import Sample
from benchmarks.soak.verdict import Judgement, judge

SAMPLES, HAPPENED = "samples.jsonl", "happened.json"


@dataclass(frozen=True, slots=True)
class Record:
    """A soak that is over. `happened` are ``{"at_s", "what", "back_s"}``; `labels` are ``{"acknowledged",
    "learned"}``, each a count by model."""

    samples: Sequence[Sample]
    happened: Sequence[dict[str, Any]]
    labels: dict[str, dict[str, int]]

    @classmethod
    def read(cls, folder: Path) -> Record:
        """What lies in `folder`."""
        samples = [json.loads(line) for line in (folder / SAMPLES).read_text().splitlines()]
        rest = json.loads((folder / HAPPENED).read_text())
        return cls(samples, rest["happened"], rest["labels"])

    @property
    def minutes(self) -> float:
        """How long it was."""
        return round(float(self.samples[-1]["at_s"]) / 60, 1)

    @property
    def counts(self) -> dict[str, int]:
        """What clients counted, by what it was."""
        return dict(self.samples[-1]["counts"])

    def judged(self) -> Judgement:
        """The verdict."""
        return judge(self.samples, self.happened, self.labels)


def write_end(folder: Path, happened: Sequence[dict[str, Any]], labels: dict[str, dict[str, int]]) -> None:
    """Keep what is known only in the end; the samples are there already."""
    (folder / HAPPENED).write_text(json.dumps({"happened": list(happened), "labels": labels}, indent=1))
