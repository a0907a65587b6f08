"""Whether anything grew: each series after its warm-up, by its slope and what it came to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.soak.samples import Sample
from benchmarks.soak.traffic import KEPT_CONNECTIONS

WARM_UP_SHARE = 0.2
"""Of the whole run, and of a process's longest life, what counts as warming up."""

MIB = 1 << 20

ID_BYTES = 128
"""Of an event's id, which the log remembers for a day: longer than any soak, so its disk grows by them."""


@dataclass(frozen=True, slots=True)
class Trend:
    """One series: `slope` is what it gained in an hour, `growth` what its end has over its beginning."""

    name: str
    unit: str
    start: float
    end: float
    slope: float
    bound: str
    flat: bool
    over_minutes: float

    def __str__(self) -> str:
        said = "flat" if self.flat else "GREW"
        return (
            f"{self.name}: {said}; {self.start:,.4g} to {self.end:,.4g} {self.unit} over "
            f"{self.over_minutes:.0f} minutes, {self.slope:+.3g} an hour ({self.bound})"
        )


@dataclass(frozen=True, slots=True)
class Judgement:
    """All that was judged."""

    trends: tuple[Trend, ...]
    problems: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether everything is flat and no promise was broken."""
        return not self.problems and all(trend.flat for trend in self.trends)

    def __str__(self) -> str:
        return "\n".join([*map(str, self.trends), *self.problems, "holds" if self.holds else "DOES NOT HOLD"])


def judge(samples: Sequence[Sample], happened: Sequence[dict[str, Any]], labels: dict[str, Any]) -> Judgement:
    """The verdict on a run."""
    return Judgement(tuple(_trends(samples, happened, labels)), tuple(_problems(samples, labels)))


def _problems(samples: Sequence[Sample], labels: dict[str, Any]) -> Iterator[str]:
    for kind in ("REST unanswered", "gRPC unanswered"):
        if count := samples[-1]["counts"].get(kind, 0):
            yield f"{count} x {kind}"
    for model, count in labels["acknowledged"].items():
        if (learned := labels["learned"].get(model)) != count:
            yield f"{model} learned {learned} examples of the {count} that were acknowledged"


def _trends(
    samples: Sequence[Sample], happened: Sequence[dict[str, Any]], labels: dict[str, Any]
) -> Iterator[Trend]:
    for name in sorted({name for one in samples for name in one["processes"]}):
        life = _longest_life(samples, name)
        yield _trend(f"{name}: memory", "MiB", _series(life, "processes", name, "rss", divisor=MIB), 0.05, 4)
        # Callers open and close what they keep to serving as their calls overlap.
        callers = KEPT_CONNECTIONS if name.startswith("serving") else 0
        yield _trend(f"{name}: files", "", _series(life, "processes", name, "files"), 0.05, 2 + callers)
        yield _trend(f"{name}: threads", "", _series(life, "processes", name, "threads"), 0.05, 2)
    ids = {"events": ID_BYTES * sum(labels["acknowledged"].values()) / MIB}
    for part in ("versions", "events", "copies"):
        series = _warm(_series(samples, "disk", part, divisor=MIB))
        yield _trend(f"disk: {part}", "MiB", series, 0.1, 4 + ids.get(part, 0.0))
    quiet = _undisturbed(samples, happened)
    for kind in ("REST", "gRPC", "feedback"):
        for share in ("p50", "p99"):
            series = _warm(_series(quiet, "latency_ms", kind, share))
            yield _trend(f"{kind}: {share}", "ms", series, 0.5, 2)
    for model in sorted(samples[-1]["freshness_ms"]):
        yield _trend(
            f"freshness of {model}: p50", "ms", _warm(_series(quiet, "freshness_ms", model, "p50")), 0.5, 5
        )


Series = list[tuple[float, float]]


def _series(samples: Sequence[Sample], *keys: str, divisor: int = 1) -> Series:
    *path, last = keys
    found = []
    for one in samples:
        value: Any = one
        for key in path:
            value = value.get(key, {})
        if last in value:
            found.append((one["at_s"], value[last] / divisor))
    return found


def _longest_life(samples: Sequence[Sample], name: str) -> list[Sample]:
    """The samples of the process `name` under one id, after its warm-up."""
    lives: dict[int, list[Sample]] = {}
    for one in samples:
        if name in one["processes"]:
            lives.setdefault(one["processes"][name]["pid"], []).append(one)
    longest = max(lives.values(), key=len)
    return longest[int(len(longest) * WARM_UP_SHARE) :]


def _warm(series: Series) -> Series:
    return series[int(len(series) * WARM_UP_SHARE) :]


def _undisturbed(samples: Sequence[Sample], happened: Sequence[dict[str, Any]]) -> list[Sample]:
    """The samples whose ten seconds, and the ten before, saw no kill."""
    kills = [one["at_s"] for one in happened if one["what"].startswith("killed")]
    return [one for one in samples if not any(0 <= one["at_s"] - at < 30 for at in kills)]


def ends(values: Any) -> tuple[float, float]:
    """The medians of the first third of `values`, and of the last."""
    third = max(1, len(values) // 3)
    return float(np.median(values[:third])), float(np.median(values[-third:]))


def _trend(name: str, unit: str, series: Series, share: float, least: float) -> Trend:
    """A series is flat where the median of its last third exceeds that of its first by no more than `share`
    of it, or by no more than `least`."""
    values = np.array([value for _, value in series])
    hours = np.array([at for at, _ in series]) / 3600
    start, end = ends(values)
    allowed = max(share * start, least)
    return Trend(
        name,
        unit,
        round(start, 3),
        round(end, 3),
        round(_theil_sen(hours, values), 3),
        f"at most {allowed:.3g} {unit}".strip(),
        end - start <= allowed,
        round(float(hours[-1] - hours[0]) * 60, 1),
    )


def _theil_sen(at: Any, values: Any) -> float:
    """The median of the slopes between all pairs: a few outliers do not move it."""
    step = max(1, len(at) // 300)
    at, values = at[::step], values[::step]
    first, second = np.triu_indices(len(at), 1)
    return (
        float(np.median((values[second] - values[first]) / (at[second] - at[first]))) if len(first) else 0.0
    )
