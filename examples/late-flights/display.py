"""What the demo shows while it runs: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live
from rich.table import Table

REFRESH_S = 0.5
LINE_S = 5.0


@dataclass(frozen=True, slots=True)
class Figures:
    """One moment of the demo. Nothing is None but what has not been measured yet."""

    at: int
    served: int
    flights: int
    labelled: int
    rolling: Mapping[str, float | None]
    versions_per_s: float
    freshness_p50_s: float | None
    freshness_p99_s: float | None
    bytes_per_version: float | None

    def line(self) -> str:
        """All of it in one line."""
        aucs = "  ".join(f"{model} {decimals(auc)}" for model, auc in self.rolling.items())
        return (
            f"{day(self.at)}  {self.served:6} flights  AUC: {aucs}  {self.versions_per_s:.0f} versions/s  "
            f"fresh in {milliseconds(self.freshness_p50_s)} (p99 {milliseconds(self.freshness_p99_s)})  "
            f"{size(self.bytes_per_version)} a version"
        )

    def table(self) -> Table:
        """All of it for a terminal."""
        grid = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2))
        grid.add_row(
            "day", day(self.at), f"{self.served:,} of {self.flights:,} flights, {self.labelled:,} landed"
        )
        for model, auc in self.rolling.items():
            bar = "━" * round(60 * max(0.0, (auc or 0.5) - 0.5) / 0.35)
            style = "bold green" if model == "online" else "dim"
            grid.add_row(f"AUC {model}", decimals(auc), bar, style=style)
        grid.add_row("versions", f"{self.versions_per_s:.0f}/s", f"{size(self.bytes_per_version)} each")
        fresh = f"p99 {milliseconds(self.freshness_p99_s)}, from a label's arrival to weights that know it"
        grid.add_row("freshness", milliseconds(self.freshness_p50_s), fresh)
        return grid


async def show(console: Console, now: Callable[[], Figures]) -> None:
    """Show `now()` over and over until cancelled; the last state stays on the screen."""
    if not console.is_terminal:
        while True:
            await asyncio.sleep(LINE_S)
            console.print(now().line(), soft_wrap=True)
    with Live(now().table(), console=console, auto_refresh=False) as live:
        try:
            while True:
                await asyncio.sleep(REFRESH_S)
                live.update(now().table(), refresh=True)
        finally:
            live.update(now().table(), refresh=True)


def day(at: int) -> str:
    """The day of a minute since 1970."""
    return datetime.fromtimestamp(at * 60, UTC).strftime("%d %b")


def decimals(value: float | None) -> str:
    """Three decimals."""
    return "  …  " if value is None else f"{value:.3f}"


def milliseconds(value: float | None) -> str:
    """Seconds as milliseconds."""
    return "…" if value is None else f"{value * 1000:.1f} ms"


def size(value: float | None) -> str:
    """Bytes, or kibibytes from two on."""
    if value is None:
        return "… bytes"
    return f"{value:.0f} bytes" if value < 2048 else f"{value / 1024:.1f} KiB"
