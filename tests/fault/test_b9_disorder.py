"""B9: what is sent again within a day, and out of order, is learned as if it had come once and in order.

Labels that meet their predictions by id are in test_b9_joins.py.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from riverrun.core.events import NewEvent, Stream
from riverrun.core.versions import Manifest
from tests.fault.harness import ledger
from tests.integration.trainer.trainer_stack import Stack, param_server, trainer

DAY_S = 86_400.0
SPAN_S = 3 * DAY_S
LOT_S = 600.0
"""What is sent within this time is appended together, at the last one's time."""

SHARE = 0.2
START_NS = 1_800_000_000 * 10**9


class MovedClock:
    """Real time, and as much as it was moved forward by."""

    def __init__(self) -> None:
        self.moved_s = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.moved_s

    def wall_ns(self) -> int:
        return START_NS + int(self.moved_s * 1e9)


@dataclass(frozen=True, slots=True)
class Sent:
    """One event on its way: when it is sent, its number, when it happened, and whether it was sent before."""

    at_s: float
    number: int
    happened_s: float
    again: bool = False


def in_order(count: int) -> list[Sent]:
    """Every event once, when it happens, over three days."""
    return [Sent(at_s, n, at_s) for n in range(count) for at_s in [n * SPAN_S / count]]


def disordered(count: int, seed: int) -> list[Sent]:
    """The same, a fifth of them up to a day late and a fifth of them twice, up to a day apart."""
    rng = random.Random(seed)
    sent = []
    for one in in_order(count):
        late = replace(one, at_s=one.at_s + (rng.uniform(0, DAY_S) if rng.random() < SHARE else 0.0))
        sent.append(late)
        if rng.random() < SHARE:
            # Within a day by the server's clock too, which moves in lots.
            sent.append(replace(late, at_s=late.at_s + rng.uniform(0, DAY_S - LOT_S), again=True))
    return sorted(sent, key=lambda one: one.at_s)


def out_of_order(sent: list[Sent]) -> int:
    """Events that come after one that happened later."""
    newest, late = -1, 0
    for one in sent:
        if not one.again:
            late += one.number < newest
            newest = max(newest, one.number)
    return late


def lots(sent: list[Sent]) -> Iterator[list[Sent]]:
    """What is sent within `LOT_S`, together."""
    lot: list[Sent] = []
    for one in sent:
        if lot and one.at_s - lot[0].at_s > LOT_S:
            yield lot
            lot = []
        lot.append(one)
    yield lot


async def learned(
    data: Path, sent: list[Sent], *, horizon_s: float | None = None
) -> tuple[Manifest, dict[str, float], int]:
    """The version after all was sent, how often it learned each event, and how many repeats were new."""
    clock, new_repeats = MovedClock(), 0
    async with param_server(data, clock=clock) as stack:
        await stack.client.register_model(ledger.spec())
        if horizon_s is not None:
            stack.server.event_log._horizon_s = lambda model: horizon_s
        for lot in lots(sent):
            # Nobody trains meanwhile, whose lease would not stand it.
            clock.moved_s = max(clock.moved_s, lot[-1].at_s)
            new_repeats += await _append(stack, lot)
        async with trainer(stack.address):
            end = (await stack.log.end(ledger.MODEL, Stream.EXAMPLES))[0]
            head = await ledger.reached(stack.client, end, within_s=120)
        return head, dict(await ledger.counts(stack.client, head)), new_repeats


async def _append(stack: Stack, lot: list[Sent]) -> int:
    events = [ledger.event(sent.number) for sent in lot]
    events = [
        NewEvent(event.event_id, event.body, START_NS + int(sent.happened_s * 1e9))
        for event, sent in zip(events, lot, strict=True)
    ]
    answers = await stack.server.event_log.append(ledger.MODEL, Stream.EXAMPLES, events)
    assert not any(answer.refused for answer in answers)
    return sum(sent.again and not answer.duplicate for sent, answer in zip(lot, answers, strict=True))


@pytest.mark.row("B9")
async def test_repeats_and_disorder_are_learned_as_a_clean_stream(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    count = 20_000 if release else 2_000
    sent = disordered(count, seed)
    repeats = sum(one.again for one in sent)

    clean, clean_counts, _ = await learned(folder / "clean", in_order(count))
    head, counts, new_repeats = await learned(folder / "disordered", sent)

    figures |= {
        "events": count,
        "seed": seed,
        "sent again": repeats,
        "out of order": out_of_order(sent),
        "learned twice": new_repeats,
        "other counts than of the clean stream": sum(
            counts.get(name) != times for name, times in clean_counts.items()
        ),
    }
    assert repeats > 0.15 * count
    assert (head.examples, clean.examples) == (count, count)
    assert counts == clean_counts
    assert new_repeats == 0
    # Were ids forgotten at once, this would see it, but for repeats within one lot.
    forgotten, _, found = await learned(folder / "forgotten", sent, horizon_s=0.0)
    assert forgotten.examples == count + found
    assert found > 0.9 * repeats
