"""Runs of a fuzz, and the judgement of each.

What comes of changed bytes may be a value or one of our own errors, in no more than a second, in no more
memory than twice the input and 16 MiB, and nothing may be executed, imported or opened. Time is the
processor's, because machines are busy. Each run follows from the seed and its number alone.
"""

from __future__ import annotations

import contextlib
import random
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError

from riverrun.core.errors import RiverrunError
from tests.unit.codec.watched_decoding import watched

SECONDS = 1.0
AGAIN = 3
"""How often what was too slow is tried again: a machine that stands still counts as the processor's time."""

MEMORY = 16 << 20
TRACED_EVERY = 20

Target = Callable[[random.Random], tuple[int, Callable[[], object]]]
"""Makes changed bytes: how many there are, and what decodes them."""


@dataclass
class Findings:
    """What a fuzz found; `failures` are (run, target, what happened)."""

    runs: int = 0
    refused: int = 0
    slowest_s: float = 0.0
    most_bytes: int = 0
    targets: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str, str]] = field(default_factory=list)


def fuzzed(targets: Sequence[Target], seed: int, runs: int, *, first: int = 0) -> Findings:
    """The findings of runs `first` and on, each of one of `targets`."""
    found = Findings()
    for number in range(first, first + runs):
        source = random.Random(seed * 1_000_003 + number)
        target = source.choice(targets)
        name = target.__name__.strip("_")
        size, decode = target(source)
        found.runs += 1
        found.targets[name] += 1
        if problem := _judge(decode, size, found, is_traced=number % TRACED_EVERY == 0):
            found.failures.append((number, name, problem))
    return found


def _judge(decode: Callable[[], object], size: int, found: Findings, *, is_traced: bool) -> str:
    if is_traced:
        tracemalloc.start()
    started = time.thread_time()
    problem = ""
    with watched() as events:
        try:
            decode()
        # protobuf's own: gRPC reads messages before we do, and answers for it.
        except (RiverrunError, DecodeError):
            found.refused += 1
        except BaseException as error:
            problem = repr(error)[:200]
    took_s = time.thread_time() - started
    if is_traced:
        taken = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    for _ in range(AGAIN):
        if took_s >= SECONDS:
            took_s = min(took_s, _seconds(decode))
    if is_traced:
        found.most_bytes = max(found.most_bytes, taken)
        if taken > 2 * size + MEMORY:
            problem += f" took {taken} bytes for {size}"
    elif took_s > SECONDS:
        problem += f" took {took_s:.1f} s"
    found.slowest_s = max(found.slowest_s, took_s)
    return problem + (f" did {events}" if events else "")


def _seconds(decode: Callable[[], object]) -> float:
    started = time.thread_time()
    with contextlib.suppress(BaseException):
        decode()
    return time.thread_time() - started
