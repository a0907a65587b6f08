"""What users see of 60 seconds in which every label is wrong: with the gate off, shadow and enforce.

``python -m benchmarks.label_flip`` runs riverrun's own processes over loopback, once with clean labels and
once for each mode of the gate with all labels turned round for a minute, one after the other. The stream is
River's Phishing data, drawn at random, or (``--data flights``) the flights of New York in the order in which
they landed: 100 a second by their event times. It is sent as fast as it is learned, in steps: a step's rows
are predicted by what serving answers with then, their labels are sent with their features, and the next step
waits until they are learned and serving has what it is to have. So each run sees the same examples and the
same waiting, and what differs is the gate.

Beside errors the figures say what the gate costs: how far what is answered with is behind what was sent, and
the trainer's processor time. What the gates did meanwhile, and why, goes to the standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import Figure, rounded
from benchmarks.processes import cpu_seconds
from benchmarks.stack import Stack, running_stack
from riverrun.client import AsyncClient
from riverrun.core.errors import NotReady
from riverrun.core.events import Stream
from riverrun.core.versions import LIVE, Manifest

ROOT = Path(__file__).resolve().parent.parent
MODEL = "flipped"
RATE = 100
"""Examples of one second of event time."""

STEP = 100
IDLE_S = 1.0
"""Seconds without a new version after which none is to come."""

WINDOW_S = 10
"""Seconds over which the share of wrong answers is judged."""

LAST_S = 20
"""Seconds at the end in which the answers must be as good as those of the clean run."""

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

SPECS = {
    "phishing": """\
name: flipped
task: binary
model: [preprocessing.StandardScaler, linear_model.LogisticRegression: {optimizer: {optim.SGD: {lr: 0.05}}}]
metrics: [ROCAUC, LogLoss]
publish: {every_events: 10, every: 25ms}
""",
    "flights": """\
name: flipped
task: binary
model:
  - union:
      - [{compose.Select: [distance]}, preprocessing.StandardScaler]
      - [{compose.Select: [carrier, origin, dest, hour, weekday]}, preprocessing.OneHotEncoder]
  - linear_model.LogisticRegression: {optimizer: {optim.SGD: {lr: 0.05}}}
metrics: [ROCAUC, LogLoss]
publish: {every_events: 10, every: 25ms}
""",
}

GATES = {
    "clean": "",
    "off": "",
    "shadow": "gate: {mode: shadow, window: 500}\n",
    "enforce": "gate: {mode: enforce, window: 500}\n",
}

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """Seconds of event time before, during and after the wrong labels."""

    before_s: int
    flip_s: int
    after_s: int

    @property
    def flipped(self) -> range:
        """The examples whose labels are sent turned round."""
        return range(self.before_s * RATE, (self.before_s + self.flip_s) * RATE)

    @property
    def examples(self) -> int:
        """All of them."""
        return (self.before_s + self.flip_s + self.after_s) * RATE


@dataclass(frozen=True, slots=True)
class Seen:
    """One run: for each example whether its answer was wrong and the share of true in it; for each step how
    many examples what answers was behind; and the trainer's processor time in all. `records` are the
    gate's.
    """

    wrong: list[bool]
    shares: list[float]
    behind: list[int]
    trainer_cpu_s: float
    records: list[tuple[str, str]]

    def errors(self, examples: range) -> int:
        """Wrong answers among these."""
        return sum(self.wrong[i] for i in examples)


def drawn(count: int) -> list[tuple[Row, bool]]:
    """Rows of River's Phishing data, drawn at random: the same stream of web sites, for ever."""
    from river import datasets

    rows = [(dict(row), bool(label)) for row, label in datasets.Phishing()]
    return random.Random(7).choices(rows, k=count)


def landed(count: int) -> list[tuple[Row, bool]]:
    """The first flights that landed in 2013, with what came of them."""
    sys.path.insert(0, str(ROOT / "examples" / "late-flights"))
    from flights import load_flights

    flights = [flight for flight in load_flights() if flight.landed_at is not None]
    flights.sort(key=lambda flight: (flight.landed_at, flight.flight_id))
    return [(dict(flight.features), bool(flight.late)) for flight in flights[:count]]


async def run(stack: Stack, examples: Sequence[tuple[Row, bool]], flipped: range) -> Seen:
    """Send `examples` step by step, those of `flipped` with the other label."""
    serving = f"http://127.0.0.1:{stack.rest_ports[0]}"
    wrong: list[bool] = []
    shares: list[float] = []
    behind: list[int] = []
    async with AsyncClient(server=stack.server, serving=serving) as client:
        await _answering(client, examples[0][0])
        for start in range(0, len(examples), STEP):
            step = range(start, min(start + STEP, len(examples)))
            rows = [examples[i][0] for i in step]
            answered = await client.predict_many(MODEL, rows)
            for i, row in zip(step, answered.predictions, strict=True):
                share = (row.probabilities or {}).get("true", 0.0)
                shares.append(share)
                wrong.append((share > 0.5) != examples[i][1])
            await client.feedback_many(MODEL, [_entry(examples, i, flipped) for i in step])
            behind.append(step.stop - await _settled(client, step.stop, examples[0][0]))
        records = await client.history(MODEL, limit=200)
    return Seen(
        wrong,
        shares,
        behind,
        cpu_seconds([stack.pid("trainer")]),
        [(one.kind, one.reason) for one in reversed(records) if one.actor == "trainer"],
    )


def _entry(examples: Sequence[tuple[Row, bool]], i: int, flipped: range) -> dict[str, Any]:
    features, label = examples[i]
    return {
        "features": features,
        "label": label != (i in flipped),
        "time": START + datetime.timedelta(seconds=i / RATE),
        "event_id": f"flight-{i}",
    }


async def _answering(client: AsyncClient, row: Row) -> None:
    while True:
        try:
            await client.predict(MODEL, row)
            return
        except NotReady:
            await asyncio.sleep(0.05)


async def _settled(client: AsyncClient, sent: int, row: Row) -> int:
    """How many examples what answers was learned from, once `sent` are learned or left out.

    A line that was reset has no version until it learns: where nothing moves any more, that is all there is.
    """
    seen, since_s = (0, 0), time.monotonic()
    while True:
        info = await client.model(MODEL)
        live = info.channel(LIVE)
        head = max(line.head for line in info.lines if not line.closed)
        assert live is not None
        if (head, live.version) != seen:
            seen, since_s = (head, live.version), time.monotonic()
        manifest = await client.version(MODEL, head)
        is_idle = time.monotonic() - since_s > IDLE_S
        if _read(manifest) >= sent or is_idle:
            answered = await client.predict(MODEL, row)
            if answered.model_version == live.version:
                return _read(await client.version(MODEL, live.version))
        await asyncio.sleep(0.005)


def _read(manifest: Manifest) -> int:
    """How many examples of the log a version contains or leaves out."""
    return manifest.positions.get(Stream.EXAMPLES, {}).get(0, 0)


def recovery_s(seen: Seen, clean: Seen, plan: Plan) -> int | None:
    """Seconds after the last wrong label until ten seconds of answers are within 1 % of the clean run.

    By the share of wrong answers; None where they never are.
    """
    for second in range(plan.after_s - WINDOW_S + 1):
        start = plan.flipped.stop + second * RATE
        window = range(start, start + WINDOW_S * RATE)
        if seen.errors(window) - clean.errors(window) <= 0.01 * len(window):
            return second
    return None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one mode came to. Errors are those beyond the clean run; times are of the events' own."""

    bad_predictions: int
    worst_loss_of_accuracy: float
    recovered_after_s: int | None
    last_loss_of_accuracy: float
    behind_p50_s: float
    behind_p99_s: float
    trainer_cpu_ms: float

    @classmethod
    def of(cls, seen: Seen, clean: Seen, plan: Plan) -> Outcome:
        """`seen` held against the clean run of the same plan."""

        def extra(examples: range) -> int:
            return seen.errors(examples) - clean.errors(examples)

        width = WINDOW_S * RATE
        starts = range(plan.flipped.start, plan.examples - width + 1, RATE)
        last = range(plan.examples - LAST_S * RATE, plan.examples)
        quiet = seen.behind[plan.before_s * RATE // (2 * STEP) : plan.before_s * RATE // STEP]
        return cls(
            bad_predictions=extra(range(plan.flipped.start, plan.examples)),
            worst_loss_of_accuracy=max((extra(range(at, at + width)) for at in starts), default=0) / width,
            recovered_after_s=recovery_s(seen, clean, plan),
            last_loss_of_accuracy=extra(last) / len(last),
            behind_p50_s=float(np.percentile(quiet, 50)) / RATE,
            behind_p99_s=float(np.percentile(quiet, 99)) / RATE,
            trainer_cpu_ms=1000 * seen.trainer_cpu_s / plan.examples,
        )


def figures(mode: str, one: Outcome, off: Outcome | None, plan: Plan, data: str) -> Iterator[Figure]:
    """The figures of one mode, beside those of no gate where that was measured."""
    note = (
        f"{data}, {plan.before_s} s of clean labels, {plan.flip_s} s of wrong and {plan.after_s} s of clean "
        f"ones, at {RATE} a second of event time"
    )

    def figure(name: str, unit: str, of: Callable[[Outcome], float | None]) -> Figure:
        more = ""
        value, without = of(one), None if off is None else of(off)
        if value is None:
            value, without, more = plan.after_s, None, ": it never was within 1 % of the clean run"
        return Figure(
            f"label_flip_{mode}_{name}",
            rounded(value),
            unit,
            "" if without is None else "the gate off",
            None if without is None else rounded(without),
            rounded(value / without) if without else None,
            note=note + more,
        )

    yield figure("bad_predictions", "answers", lambda one: one.bad_predictions)
    yield figure(f"worst_{WINDOW_S}_s", "of accuracy", lambda one: one.worst_loss_of_accuracy)
    yield figure("recovered_after", "s", lambda one: one.recovered_after_s)
    yield Figure(
        f"label_flip_{mode}_last_{LAST_S}_s",
        rounded(100 * one.last_loss_of_accuracy),
        "% of accuracy lost",
        # Without a gate nothing is promised.
        target="" if mode == "off" else "<= 1 %",
        holds=None if mode == "off" else one.last_loss_of_accuracy <= 0.01,
        note=note,
    )
    yield figure("behind_p50", "s", lambda one: one.behind_p50_s)
    yield figure("behind_p99", "s", lambda one: one.behind_p99_s)
    yield figure("trainer_cpu", "CPU-ms/event", lambda one: one.trainer_cpu_ms)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--before", type=int, default=60, help="seconds of good labels first")
    parser.add_argument("--flip", type=int, default=60, help="seconds of wrong labels")
    parser.add_argument("--after", type=int, default=60, help="seconds of good labels after them")
    parser.add_argument("--modes", nargs="+", choices=list(GATES)[1:], default=list(GATES)[1:])
    parser.add_argument("--data", choices=list(SPECS), default="phishing", help="the stream")
    chosen = parser.parse_args()
    plan = Plan(chosen.before, chosen.flip, chosen.after)
    examples = (drawn if chosen.data == "phishing" else landed)(plan.examples)
    seen: dict[str, Seen] = {}
    outcomes: dict[str, Outcome] = {}
    for name in ("clean", *chosen.modes):
        with running_stack(SPECS[chosen.data] + GATES[name]) as stack:
            flipped = range(0) if name == "clean" else plan.flipped
            seen[name] = asyncio.run(run(stack, examples, flipped))
        for kind, reason in seen[name].records:
            print(f"{name}: {kind}: {reason}", file=sys.stderr, flush=True)
        if name != "clean":
            outcomes[name] = Outcome.of(seen[name], seen["clean"], plan)
            off = outcomes.get("off") if name != "off" else None
            for figure in figures(name, outcomes[name], off, plan, chosen.data):
                print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
