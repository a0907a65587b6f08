"""Streams of one kind each, for classes of River to learn from; alike at every call."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

Step = tuple[Any, ...]
"""What one learning step takes."""


def rows(label: Callable[[float], Any]) -> Callable[[int], Iterator[Step]]:
    """Five numeric features, and what `label` makes of a number that depends on them."""

    def steps(count: int) -> Iterator[Step]:
        source = random.Random(42)
        for _ in range(count):
            x = {name: source.gauss(0, 1) for name in "abcde"}
            number = 3 * x["a"] - x["b"] + x["c"] * x["d"] + source.gauss(0, 0.1)
            yield x, label(number > 0 if label is bool else number)

    return steps


def two_numbers(number: float) -> dict[str, float]:
    """A target of two numbers."""
    return {"first": number, "second": -2 * number}


def two_labels(number: float) -> dict[str, bool]:
    """A target of two labels."""
    return {"first": number > 0, "second": number > 1}


def three_classes(number: float) -> str:
    """One class of three."""
    return "low" if number < -1 else "middle" if number < 1 else "high"


def counts(count: int) -> Iterator[Step]:
    """Whole numbers from zero on, and one class of three."""
    for x, label in rows(three_classes)(count):
        yield {name: int(3 * abs(value)) for name, value in x.items()}, label


def texts(count: int) -> Iterator[Step]:
    """Short texts of few words, and a label."""
    source = random.Random(42)
    words = ("river", "runs", "past", "Eve", "from", "swerve", "of", "shore", "to", "bend", "bay")
    for _ in range(count):
        yield " ".join(source.choices(words, k=5)), source.random() < 0.5


def series(count: int) -> Iterator[Step]:
    """A series with a season of seven."""
    source = random.Random(42)
    for index in range(count):
        yield {}, 10 + index % 7 + source.random()


def ratings(count: int) -> Iterator[Step]:
    """Which user gave which item how many stars."""
    source = random.Random(42)
    for _ in range(count):
        yield f"user{source.randrange(9)}", f"item{source.randrange(9)}", float(source.randrange(1, 6))
