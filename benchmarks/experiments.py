"""How often an experiment errs while people look after every label, and how soon it finds a real lift.

A/A: both arms score alike; the share of simulated experiments that ever tell them apart. The reference is
the same look at each label with the textbook's 95 % interval, which is right for one look alone. A/B: labels
until a lift is found. The reference is the fixed sample that a textbook's test needs for the same lift at a
power of 80 %, which may be looked at only once, at its end.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from statistics import NormalDist, median

from benchmarks.figures import Figure, rounded
from riverrun.evaluation.experiments import Effect

EXPERIMENTS = 1_000
LABELS = 2_000
BASE = 0.2
LIFTS = (0.02, 0.05, 0.1)
REPEATS = 40
MOST_LABELS = 200_000
ALPHA, POWER = 0.05, 0.8
CLASSIC_FROM = 30
"""The textbook's interval is asked for from this many labels of each arm."""


def answers(source: random.Random, lift: float) -> Iterator[tuple[str, float]]:
    """Arms by a fair coin, and whether each answer was right."""
    while True:
        arm = "b" if source.random() < 0.5 else "a"
        yield arm, float(source.random() < BASE + (lift if arm == "b" else 0.0))


def found_by_us(seed: int, lift: float, labels: int) -> int | None:
    """Labels until the arms are told apart; None where they are not."""
    effect = Effect("a", "b", share=0.5, alpha=ALPHA)
    for number, (arm, score) in enumerate(answers(random.Random(seed), lift), 1):
        if number > labels:
            return None
        effect.update(arm, score)
        if effect.present.decided:
            return number
    return None


def found_by_textbook(seed: int, labels: int) -> bool:
    """Whether a 95 % interval, looked at after each label, ever leaves out zero."""
    wide = NormalDist().inv_cdf(1 - ALPHA / 2)
    count, right = {"a": 0, "b": 0}, {"a": 0.0, "b": 0.0}
    for number, (arm, score) in enumerate(answers(random.Random(seed), 0.0), 1):
        if number > labels:
            return False
        count[arm] += 1
        right[arm] += score
        if min(count.values()) >= CLASSIC_FROM:
            shares = {name: right[name] / count[name] for name in count}
            spread = math.sqrt(sum(shares[name] * (1 - shares[name]) / count[name] for name in count))
            if abs(shares["b"] - shares["a"]) > wide * spread:
                return True
    return False


def fixed_sample(lift: float) -> int:
    """Labels of both arms that a two-sided test of two shares needs."""
    z = NormalDist().inv_cdf(1 - ALPHA / 2) + NormalDist().inv_cdf(POWER)
    variance = BASE * (1 - BASE) + (BASE + lift) * (1 - BASE - lift)
    return 2 * math.ceil(z**2 * variance / lift**2)


def main() -> None:
    ours = sum(found_by_us(seed, 0.0, LABELS) is not None for seed in range(EXPERIMENTS)) / EXPERIMENTS
    theirs = sum(found_by_textbook(seed, LABELS) for seed in range(EXPERIMENTS)) / EXPERIMENTS
    print(
        Figure(
            "experiment_false_positives",
            rounded(ours),
            "share",
            "the textbook's 95 % interval, looked at as often",
            rounded(theirs),
            rounded(ours / theirs),
            f"<= {ALPHA:g}",
            ours <= ALPHA,
            f"{EXPERIMENTS} A/A experiments of {LABELS} labels, looked at after each",
        ).line(),
        flush=True,
    )
    for lift in LIFTS:
        needed = [found_by_us(seed, lift, MOST_LABELS) for seed in range(REPEATS)]
        found = [number for number in needed if number is not None]
        print(
            Figure(
                f"experiment_labels_to_decide: lift of {lift:g}",
                rounded(median(found)) if found else None,
                "labels",
                "a fixed sample, looked at once",
                fixed_sample(lift),
                rounded(median(found) / fixed_sample(lift)) if found else None,
                "every lift found",
                len(found) == REPEATS,
                f"on {BASE:g}; median of {REPEATS}, {len(found)} found, slowest {max(found, default=0)}",
            ).line(),
            flush=True,
        )


if __name__ == "__main__":
    main()
