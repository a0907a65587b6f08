"""What is left of a demo: a summary as JSON and in words, and a plot."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from display import day, decimals, milliseconds, size

COLOURS = {"online": "#1b7f5c", "daily": "#c98a1b", "frozen": "#8a8f98"}


@dataclass(frozen=True, slots=True)
class Reading:
    """The rolling AUC of each model at one moment, as minutes since 1970."""

    at: int
    rolling: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Summary:
    """The whole demo in figures. `auc` is over every flight that was served and has landed.

    `auc_instant` is that of a model that would know each label the moment it has answered, and
    `behind_instant` what the answers that were served lack of it.
    """

    first_day: str
    last_day: str
    warm_up_flights: int
    flights_served: int
    flights_landed: int
    auc: Mapping[str, float | None]
    margin_over_frozen: float
    margin_over_daily: float
    auc_instant: float | None
    behind_instant: float
    seconds: float
    versions: int
    versions_per_second: float
    freshness_p50_ms: float | None
    freshness_p99_ms: float | None
    bytes_per_version: float | None

    def sentences(self) -> list[str]:
        """What to take from it."""
        better = "beats" if self.margin_over_frozen > 0 else "does not beat"
        return [
            f"{self.flights_served:,} flights from {self.first_day} to {self.last_day}, after learning from "
            f"{self.warm_up_flights:,}; {self.flights_landed:,} of them landed.",
            "ROC AUC of what was served: "
            + ", ".join(f"{model} {decimals(auc)}" for model, auc in self.auc.items())
            + ".",
            f"Online {better} frozen by {self.margin_over_frozen:+.3f} and a daily sync by "
            f"{self.margin_over_daily:+.3f}.",
            f"A model that knew each label at once, which no model can, would come to "
            f"{decimals(self.auc_instant)}: waiting for the landings costs {self.behind_instant:.3f}.",
            f"{self.versions:,} versions in {self.seconds:.0f} s ({self.versions_per_second:.0f} a second), "
            f"{size(self.bytes_per_version)} each.",
            "Freshness, from a label's arrival to serving by weights that know it: "
            f"p50 {milliseconds(seconds(self.freshness_p50_ms))}, "
            f"p99 {milliseconds(seconds(self.freshness_p99_ms))}.",
        ]

    def save(self, path: Path) -> None:
        """Write the figures as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")


def seconds(value_ms: float | None) -> float | None:
    """Milliseconds as seconds."""
    return None if value_ms is None else value_ms / 1000


def plot(
    path: Path, readings: Sequence[Reading], ideal: Sequence[tuple[int, float]], summary: Summary
) -> None:
    """Draw the rolling AUC of each model, and of the ideal, over the days."""
    # Imported here: it takes most of a second, which nobody should wait for at the start.
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import dates, pyplot

    figure, axes = pyplot.subplots(figsize=(9, 4.5), layout="constrained")
    for model, overall in summary.auc.items():
        points = [(reading.at, auc) for reading in readings if (auc := reading.rolling[model]) is not None]
        days = dates.date2num([datetime.fromtimestamp(at * 60, UTC) for at, _ in points])
        label = f"{model}: {decimals(overall)} over all"
        axes.plot(days, [auc for _, auc in points], label=label, color=COLOURS[model], linewidth=2)
    days = dates.date2num([datetime.fromtimestamp(at * 60, UTC) for at, _ in ideal])
    label = f"instant labels: {decimals(summary.auc_instant)}"
    axes.plot(days, [auc for _, auc in ideal], label=label, color="#4a5568", linewidth=1, linestyle="--")
    axes.xaxis.set_major_locator(dates.AutoDateLocator())
    axes.xaxis.set_major_formatter(dates.DateFormatter("%d %b"))
    axes.set_ylabel("rolling ROC AUC")
    axes.set_title(
        f"Late flights of New York, 2013: {summary.flights_served:,} served, "
        f"fresh in {milliseconds(seconds(summary.freshness_p50_ms))}",
        loc="left",
    )
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=len(summary.auc) + 1)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def date(at: int) -> str:
    """The day of a minute since 1970, with its year."""
    return f"{day(at)} {datetime.fromtimestamp(at * 60, UTC).year}"
