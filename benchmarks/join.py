"""The join: its rate beside learning alone, and what a million pending predictions take of memory and time.

All is appended to the log first, past serving, while no trainer runs, in bodies as serving writes them. The
rates are those of a trainer that starts then (see `train_rate`). Memory is what a trainer has more than it
had before it knew of any prediction; a restart lasts from the start of the process until it remembers all
of them again.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from benchmarks import workload
from benchmarks.figures import Figure, rounded
from benchmarks.processes import cpu_seconds
from benchmarks.stack import Stack, new_stack
from benchmarks.swaps import rss_mib
from benchmarks.train_rate import learned, rate
from riverrun.core.events import Example, NewEvent, Stream
from riverrun.core.examples_json import encode_example
from riverrun.core.joining_json import encode_label, encode_prediction
from riverrun.core.predictions import Prediction
from riverrun.rpc.channels import open_channel
from riverrun.rpc.event_log import RemoteEventLog

ROWS = 200_000
PENDING = 1_000_000
LOT = 1_000
LABELS_LATER = 20
"""Lots of predictions between one and its label."""

PUBLISH = "{every: 500ms}"
WINDOW = "label: {window: 48h}\n"
ANSWER = Prediction(True, {False: 0.25, True: 0.75})
REMEMBERED = "riverrun_trainer_join_open"

MOST_MIB = 2048.0
LONGEST_S = 30.0
WITHIN_S = 300.0
EVERY_S = 0.25

Lot = tuple[Stream, list[NewEvent]]


def append(stack: Stack, lots: Iterable[Lot]) -> None:
    """Append `lots` to the log, one after another."""

    async def send() -> None:
        async with open_channel(stack.server) as channel:
            log = RemoteEventLog(channel, deadline_s=60)
            for stream, events in lots:
                await log.append(workload.NAME, stream, events)

    asyncio.run(send())


def numbered(rows: Iterable[workload.Row]) -> Iterator[list[tuple[str, workload.Row]]]:
    """`rows` in lots, each with an id of its own, of 32 characters."""
    each = ((f"{number:032x}", row) for number, row in enumerate(rows))
    while lot := list(islice(each, LOT)):
        yield lot


def predictions(rows: Iterable[workload.Row]) -> Iterator[Lot]:
    """What serving logs of `rows`."""
    for lot in numbered(rows):
        bodies = [(name, encode_prediction(x, ANSWER, version=1, channel="live")) for name, (x, _) in lot]
        yield Stream.PREDICTIONS, [NewEvent(name, body) for name, body in bodies]


def labels(rows: Iterable[workload.Row]) -> Iterator[Lot]:
    """The label of each of `rows`, by id."""
    for lot in numbered(rows):
        yield Stream.LABELS, [NewEvent(f"of {name}", encode_label(name, y)) for name, (_, y) in lot]


def in_turn(rows: Sequence[workload.Row]) -> Iterator[Lot]:
    """Predictions and labels of `rows`, each lot of labels some lots after that of its predictions."""
    later = itertools.chain([None] * LABELS_LATER, labels(rows))
    for lot, late in itertools.zip_longest(predictions(rows), later):
        yield from (one for one in (lot, late) if one is not None)


def examples(rows: Iterable[workload.Row]) -> Iterator[Lot]:
    """`rows` as examples that bring their features."""
    for lot in numbered(rows):
        bodies = [(name, encode_example(Example(x, y))) for name, (x, y) in lot]
        yield Stream.EXAMPLES, [NewEvent(name, body) for name, body in bodies]


def learning_rate(spec: str, lots: Iterable[Lot], count: int) -> tuple[float, float]:
    """Examples a second of a trainer that finds `lots` in the log, of which it learns `count`; and the
    seconds of processor time that it took in all, from its start.
    """
    with new_stack() as stack:
        stack.start("param-server")
        stack.wait_ready("param-server")
        stack.register(spec)
        append(stack, lots)
        stack.start("trainer")
        versions = learned(stack, count)
        return rate(versions), cpu_seconds([stack.pid("trainer")])


def join_rate(count: int) -> Figure:
    """Joining and learning beside learning alone."""
    rows = list(islice(workload.endless(), count))
    spec = workload.spec(PUBLISH)
    joined, joined_cpu_s = learning_rate(spec + WINDOW, in_turn(rows), count)
    alone, alone_cpu_s = learning_rate(spec, examples(rows), count)
    return Figure(
        "join_rate",
        rounded(joined),
        "events/s",
        "learning alone, from examples of the same rows with their features",
        rounded(alone),
        rounded(joined / alone),
        note=f"{count} labels, each {LABELS_LATER * LOT} predictions after its own; scaled logistic "
        f"regression, publish {PUBLISH}; the trainer's processor time, its start with it, "
        f"{joined_cpu_s:.1f} s and {alone_cpu_s:.1f} s",
    )


def until_remembered(stack: Stack, count: int) -> float:
    """Seconds from the start of a trainer until it remembers `count` predictions."""
    begun = time.perf_counter()
    stack.start("trainer")
    stack.wait_ready("trainer")
    while stack.metric("trainer", REMEMBERED) < count:
        if time.perf_counter() - begun > WITHIN_S:
            raise TimeoutError(f"not all {count} predictions are remembered after {WITHIN_S:g} s")
        # Not more often: to be asked costs the trainer, too.
        time.sleep(EVERY_S)
    return time.perf_counter() - begun


def pending(count: int) -> Iterator[Figure]:
    """What `count` predictions without a label take of the trainer."""
    with new_stack() as stack:
        stack.start("param-server")
        stack.wait_ready("param-server")
        stack.register(workload.spec(PUBLISH) + WINDOW)
        until_remembered(stack, 0)
        before = rss_mib(stack.pid("trainer"))
        stack.stop("trainer")
        append(stack, predictions(islice(workload.endless(), count)))
        until_remembered(stack, count)
        stack.stop("trainer")
        took_s = until_remembered(stack, count)
        total, cpu_s = rss_mib(stack.pid("trainer")), cpu_seconds([stack.pid("trainer")])
    conditions = f"{count} predictions without a label, of {len(workload.rows()[0][0])} features each"
    each = (total - before) * (1 << 20) / count
    yield Figure("join_memory", rounded(each), "bytes/prediction", note=f"{conditions}; resident memory")
    yield Figure(
        "join_memory_total",
        rounded(total),
        "MiB",
        "the same trainer before the first of them",
        rounded(before),
        rounded(total / before),
        f"<= {MOST_MIB:g} MiB",
        total <= MOST_MIB,
        f"{conditions}; resident memory of the trainer",
    )
    yield Figure(
        "join_restart",
        rounded(took_s),
        "s",
        target=f"<= {LONGEST_S:g} s",
        holds=took_s <= LONGEST_S,
        note=f"{conditions}; {cpu_s:.1f} s of it the trainer's processor time, "
        f"load {os.getloadavg()[0]:.1f} at the end",
    )


def main() -> None:
    print(join_rate(ROWS).line(), flush=True)
    for figure in pending(PENDING):
        print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
