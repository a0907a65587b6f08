"""docs/soak.md from the folder of a soak: ``python -m benchmarks.soak.page FOLDER``."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks.page import ROOT, machine
from benchmarks.soak import plots
from benchmarks.soak.record import SAMPLES, Record
from benchmarks.soak.verdict import ID_BYTES, WARM_UP_SHARE, Trend, ends

PAGE = ROOT / "docs" / "soak.md"
PICTURES = ROOT / "docs" / "soak"

PREAMBLE = """# Hours with everything on

Written by `python -m benchmarks.soak.page`; do not edit. `riverrun up` runs on a real disk with two serving
processes and three models: a linear one, published continuously; a forest, every 10 events or second; a
network in torch, every half second. Labels and predictions over REST and gRPC come at an even rate, from
clients that ask the other process where one does not answer. Now and then a process is killed, a channel is
rolled back and let go on. Retention is short, so that as much goes as comes.

`make soak` does it again: two hours, or `make soak ARGS="--minutes 2"`.

"""


def page(record: Record, day: str) -> str:
    """The page."""
    judgement = record.judged()
    return "".join(
        [
            PREAMBLE,
            f"Measured {day} on {machine()}, for {record.minutes:.0f} minutes. ",
            f"The machine did other work meanwhile: its load average was {_loads(record)}.\n\n",
            "## What became of requests\n\n",
            *_requests(record),
            "\n## What grew\n\n",
            f"After a warm-up of {WARM_UP_SHARE:.0%}: the median of the first third, and of the last. A ",
            "process is followed over its longest life, latencies where nothing was killed just before. ",
            f"The log remembers each event's id for a day: {ID_BYTES} bytes of each may come on top.\n\n",
            "| series | from | to | an hour | over, minutes | bound on the growth | flat |\n",
            "| --- | ---: | ---: | ---: | ---: | --- | --- |\n",
            *map(_row, judgement.trends),
            *(f"\n**{problem}**\n" for problem in judgement.problems),
            "\n![memory, files, threads and disk](soak/resources.png)\n",
            "\n![latencies and freshness](soak/latencies.png)\n",
        ]
    )


def _loads(record: Record) -> str:
    loads = [float(one["load"]) for one in record.samples]
    first, last = ends(loads[int(len(loads) * WARM_UP_SHARE) :])
    return (
        f"{min(loads):.1f} to {max(loads):.1f}, its median {median(loads):.1f}; "
        f"{first:.1f} in the first third of what is judged, {last:.1f} in the last"
    )


def _requests(record: Record) -> Iterator[str]:
    done = Counter(one["what"] for one in record.happened)
    said = ", ".join(f"{what} {count} times" for what, count in sorted(done.items()))
    yield f"- done to the stack: {said}\n"
    kills = [one["back_s"] for one in record.happened if one["what"].startswith("killed")]
    if kills:
        yield f"- from a kill until all was ready again: at most {max(kills):.1f} s\n"
    for protocol in ("REST", "gRPC"):
        answers = record.counts.get(f"{protocol} answers", 0)
        failed = sum(
            n for what, n in record.counts.items() if what.startswith(f"{protocol} tries that failed")
        )
        unanswered = record.counts.get(f"{protocol} unanswered", 0)
        yield (
            f"- predictions over {protocol}: {answers:,} answered, {failed:,} of them by the other process; "
            f"{unanswered:,} unanswered\n"
        )
    for model, count in record.labels["acknowledged"].items():
        learned = record.labels["learned"].get(model, 0)
        yield f"- labels of {model}: {count:,} acknowledged, {learned:,} learned\n"


def _row(trend: Trend) -> str:
    unit = f" {trend.unit}" if trend.unit else ""
    flat = "yes" if trend.flat else "**no**"
    return (
        f"| {trend.name} | {trend.start:,.4g}{unit} | {trend.end:,.4g}{unit} | {trend.slope:+,.3g} "
        f"| {trend.over_minutes:.0f} | {trend.bound} | {flat} |\n"
    )


def main() -> None:
    folder = Path(sys.argv[1])
    record = Record.read(folder)
    ended = datetime.fromtimestamp((folder / SAMPLES).stat().st_mtime, UTC)
    PAGE.write_text(page(record, ended.date().isoformat()))
    PICTURES.mkdir(exist_ok=True)
    plots.draw(PICTURES, record.samples, record.happened)
    print(f"written: {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
