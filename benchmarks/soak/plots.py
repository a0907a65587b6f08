"""The record of a soak as pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

from benchmarks.soak.samples import Sample

MIB = 1 << 20
SIZE_INCHES = (7.5, 7.5)
DPI = 80

Read = Callable[[Sample], float | None]


def draw(out: Path, samples: Sequence[Sample], happened: Sequence[dict[str, Any]]) -> None:
    """`resources.png` and `latencies.png` into `out`."""
    processes = sorted({name for one in samples for name in one["processes"]})

    def of_processes(key: str, divisor: int = 1) -> list[tuple[str, Read]]:
        return [(name, _reader("processes", name, key, divisor=divisor)) for name in processes]

    disk = [(part, _reader("disk", part, divisor=MIB)) for part in samples[0]["disk"]]
    _page(
        out / "resources.png",
        [
            ("memory, MiB", of_processes("rss", MIB), False),
            ("files and sockets", of_processes("files"), False),
            ("threads", of_processes("threads"), False),
            ("disk, MiB", disk, False),
        ],
        samples,
        happened,
    )
    latencies = [
        (f"{kind} {share}", _reader("latency_ms", kind, share))
        for kind in ("REST", "gRPC", "feedback")
        for share in ("p50", "p99")
    ]
    fresh = [
        (f"{model} {share}", _reader("freshness_ms", model, share))
        for model in samples[-1]["freshness_ms"]
        for share in ("p50", "p99")
    ]
    _page(
        out / "latencies.png",
        [
            ("latency, ms", latencies, True),
            ("freshness of the last 1,000 swaps, ms", fresh, True),
            ("load average of the machine", [("", lambda one: float(one["load"]))], False),
        ],
        samples,
        happened,
    )


def _reader(*path: str, divisor: int = 1) -> Read:
    def read(one: Sample) -> float | None:
        value: Any = one
        for key in path:
            value = value.get(key)
            if value is None:
                return None
        return float(value) / divisor

    return read


def _page(
    path: Path,
    panels: Sequence[tuple[str, Sequence[tuple[str, Read]], bool]],
    samples: Sequence[Sample],
    happened: Iterable[dict[str, Any]],
) -> None:
    figure, axes = plt.subplots(len(panels), 1, figsize=SIZE_INCHES, sharex=True, layout="constrained")
    for axis, (title, lines, logarithmic) in zip(axes, panels, strict=True):
        for label, read in lines:
            known = [(one["at_s"] / 60, value) for one in samples if (value := read(one)) is not None]
            axis.plot(*zip(*known, strict=True), linewidth=0.9, label=label)
        for one in happened:
            if one["what"].startswith("killed"):
                axis.axvline(one["at_s"] / 60, color="0.8", linewidth=0.8, zorder=0)
        axis.set_title(title, fontsize=9, loc="left")
        axis.tick_params(labelsize=8)
        if logarithmic:
            axis.set_yscale("log")
        else:
            axis.set_ylim(bottom=0)
        if any(label for label, _ in lines):
            axis.legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    axes[-1].set_xlabel("minutes; a grey line is a kill", fontsize=8)
    figure.savefig(path, dpi=DPI)
    plt.close(figure)
