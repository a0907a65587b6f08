"""What callers put into names and ids to break, forge or flood a log."""

from __future__ import annotations

import random

FORGED = "forged"
"""The event that a broken line would seem to be of."""

POISON = (
    f'a\r\n{{"level":"error","event":"{FORGED}"}}',
    "\x1b[2J\x1b]0;title\x07",
    "x" * (1 << 20),
    "\x00é\u2028" * 90_000,
)


def odd_name(chance: random.Random, number: int) -> str:
    """One of `POISON`, or any characters; another one for each `number`. Few are long."""
    if chance.random() < 0.02:
        return chance.choice(POISON) + str(number)
    if chance.random() < 0.5:
        return chance.choice(POISON[:2]) + str(number)
    drawn = (chance.randrange(0x3000) for _ in range(chance.randrange(200)))
    return "".join(map(chr, drawn)) + str(number)
