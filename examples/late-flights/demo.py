"""The demo: a year's flights stream through a real riverrun, and predictions get better as planes land.

Starts all three services on free ports with a data folder of their own, lets the model learn from four
weeks of flights, then serves and teaches on, beside a model that is frozen there and one that is synced
once a day. Stops everything it started, also on Ctrl-C.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from pathlib import Path

from auc import ScoreRecord
from display import Figures, show
from flights import Flight, by_minute, load_flights
from ideal import instant_labels
from measures import Histogram
from replay import DAILY, FROZEN, MODELS, ONLINE, Pace, Progress, Replay, warm_up
from report import Reading, Summary, date, plot
from rich.console import Console
from service import MODEL, FlightService
from span import Span
from stack import Addresses, StackFailed, riverrun_up

from riverrun.client import AsyncClient
from riverrun.core.versions import Manifest

SPEC = Path(__file__).with_name("model.yaml")
ROLLING = 8000
SPAN_S = 75.0
MEASURE_S = 1.0
LEARN_S = 120.0

FRESHNESS = "riverrun_serving_freshness_seconds"
DELTA_BYTES = "riverrun_param_server_delta_bytes"


class Demo:
    """One run against services that are up."""

    def __init__(self, console: Console, client: AsyncClient, service: FlightService, at: Addresses) -> None:
        self._console = console
        self._client = client
        self._service = service
        self._at = at
        self._record = ScoreRecord(MODELS, ROLLING)
        self._progress = Progress()
        self._readings: list[Reading] = []
        self._freshness = Histogram({}, 0.0)
        self._bytes = Histogram({}, 0.0)
        self._started = time.monotonic()
        self._flights = 0

    async def learn(self, flights: list[Flight], span: Span) -> int:
        """Teach the warm-up, wait until it is learned and served, and hold the two other models there."""
        early = [minute for minute in by_minute(flights) if minute.at < span.serves_from]
        taught = await warm_up(self._service, early, self._progress)
        try:
            async with asyncio.timeout(LEARN_S):
                await self._learned(taught)
                for channel in (FROZEN, DAILY):
                    await self._hold(channel)
        except TimeoutError:
            problem = (await self._client.model(MODEL)).problem
            raise StackFailed(f"{taught} flights were not learned in {LEARN_S:g} s. {problem}") from None
        return taught

    async def serve(self, flights: list[Flight], span: Span) -> float:
        """Serve and teach the span; returns how many seconds that took."""
        minutes = [minute for minute in by_minute(flights) if minute.at >= span.serves_from]
        self._flights = sum(len(minute.departures) for minute in minutes)
        self._progress.at = minutes[0].at
        self._progress.first_version = self._progress.version = (await self._newest()).version
        before = await self._measure()
        self._started = time.monotonic()
        measuring = asyncio.create_task(self._keep_measuring(*before))
        showing = asyncio.create_task(show(self._console, self._figures))
        try:
            rate = (minutes[-1].at - minutes[0].at) / (SPAN_S * max(1.0, self._flights / 40_000))
            replay = Replay(self._service, self._record, self._progress, self._new_day)
            await replay.run(minutes, Pace(minutes[0].at, rate))
            elapsed = time.monotonic() - self._started
        finally:
            for task in (measuring, showing):
                task.cancel()
            await asyncio.gather(measuring, showing, return_exceptions=True)
        await self._take(*before)
        return elapsed

    def summary(self, span: Span, warm_up_flights: int, elapsed: float, auc_instant: float | None) -> Summary:
        """The whole run in figures, beside the ideal's."""
        auc = self._record.overall()
        progress, online = self._progress, auc[ONLINE] or 0.5
        versions = progress.version - progress.first_version
        p50, p99 = self._freshness.quantile(0.5), self._freshness.quantile(0.99)
        return Summary(
            first_day=date(span.serves_from),
            last_day=date(progress.at),
            warm_up_flights=warm_up_flights,
            flights_served=progress.served,
            flights_landed=self._record.labelled,
            auc=auc,
            margin_over_frozen=online - (auc[FROZEN] or 0.5),
            margin_over_daily=online - (auc[DAILY] or 0.5),
            auc_instant=auc_instant,
            behind_instant=(auc_instant or 0.5) - online,
            seconds=elapsed,
            versions=versions,
            versions_per_second=versions / elapsed,
            freshness_p50_ms=None if p50 is None else p50 * 1000,
            freshness_p99_ms=None if p99 is None else p99 * 1000,
            bytes_per_version=self._bytes.mean,
        )

    @property
    def readings(self) -> list[Reading]:
        """The rolling AUC, day by day."""
        return self._readings

    async def _newest(self) -> Manifest:
        while not (versions := await self._client.versions(MODEL, limit=1)):
            await asyncio.sleep(0.1)
        return versions[0]

    async def _learned(self, taught: int) -> None:
        """Return once the newest version contains so many flights."""
        while (await self._newest()).examples < taught:
            await asyncio.sleep(0.1)

    async def _hold(self, channel: str) -> None:
        """Hold `channel` at the newest version, and return once it is served."""
        version = (await self._newest()).version
        await self._client.pin(MODEL, version, channel=channel)
        while await self._service.channel_version(channel) != version:
            await asyncio.sleep(0.005)

    async def _new_day(self) -> None:
        await self._hold(DAILY)
        if (rolling := self._record.rolling())[ONLINE] is not None:
            self._readings.append(Reading(self._progress.at, rolling))

    async def _measure(self) -> tuple[Histogram, Histogram]:
        serving = await self._service.metrics(self._at.serving_metrics)
        param_server = await self._service.metrics(self._at.param_server_metrics)
        freshness = Histogram.parse(serving, FRESHNESS, channel="live")
        return freshness, Histogram.parse(param_server, DELTA_BYTES)

    async def _keep_measuring(self, freshness: Histogram, delta_bytes: Histogram) -> None:
        while True:
            await asyncio.sleep(MEASURE_S)
            await self._take(freshness, delta_bytes)

    async def _take(self, freshness: Histogram, delta_bytes: Histogram) -> None:
        """Take what was measured since the two given readings."""
        newer = await self._measure()
        self._freshness, self._bytes = newer[0].since(freshness), newer[1].since(delta_bytes)

    def _figures(self) -> Figures:
        progress = self._progress
        elapsed = max(time.monotonic() - self._started, 1e-3)
        return Figures(
            at=progress.at,
            served=progress.served,
            flights=self._flights,
            labelled=self._record.labelled,
            rolling=self._record.rolling(),
            versions_per_s=(progress.version - progress.first_version) / elapsed,
            freshness_p50_s=self._freshness.quantile(0.5),
            freshness_p99_s=self._freshness.quantile(0.99),
            bytes_per_version=self._bytes.mean,
        )


Outcome = tuple[Summary, list[Reading], list[tuple[int, float]]]
"""What a run came to: in figures, day by day, and day by day for the ideal."""


async def run(console: Console, flights: list[Flight], span: Span) -> Outcome:
    """The demo with `flights`; everything it started has ended when this returns or raises."""
    with tempfile.TemporaryDirectory(prefix="riverrun-demo-") as data:
        console.print("starting riverrun: a parameter server, a trainer and a serving process")
        async with (
            riverrun_up(SPEC, Path(data)) as at,
            FlightService(at.serving) as service,
            AsyncClient(server=at.param_server, serving=at.serving) as client,
        ):
            demo = Demo(console, client, service, at)
            console.print("learning from four weeks of flights")
            warm_up_flights = await demo.learn(flights, span)
            console.print("serving, and learning from each landing: its label names the prediction by id")
            elapsed = await demo.serve(flights, span)
    auc_instant, ideal = instant_labels(flights, span, ROLLING)
    return demo.summary(span, warm_up_flights, elapsed, auc_instant), demo.readings, ideal


async def until_stopped(console: Console, flights: list[Flight], span: Span) -> Outcome:
    """`run`, ended in order by SIGTERM as by Ctrl-C."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await run(console, flights, span)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--all", action="store_true", help="the whole year instead of 40,000 flights")
    parser.add_argument("--out", type=Path, default=Path("demo-out"), help="folder for summary and plot")
    options = parser.parse_args()
    console = Console(highlight=False)
    try:
        console.print("reading the flights of New York, 2013")
        span = Span.year() if options.all else Span.default()
        summary, readings, ideal = asyncio.run(until_stopped(console, span.of(load_flights()), span))
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("stopped")
        sys.exit(130)
    except StackFailed as error:
        sys.exit(f"the demo could not go on: {error}")
    options.out.mkdir(parents=True, exist_ok=True)
    summary.save(options.out / "demo-summary.json")
    plot(options.out / "demo.png", readings, ideal, summary)
    console.print(*summary.sentences(), sep="\n", soft_wrap=True)
    console.print(f"saved: {options.out / 'demo-summary.json'} and {options.out / 'demo.png'}")


if __name__ == "__main__":
    main()
