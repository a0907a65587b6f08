"""What hears of each example before it is learned."""

from __future__ import annotations

from typing import Protocol

from riverrun.core.joining import JoinedExample
from riverrun.core.predictions import Prediction


class Scorer(Protocol):
    """Whoever judges examples beside the learner's own metrics."""

    def score(self, joined: JoinedExample, newest: Prediction | None) -> None:
        """Take `joined`, which is about to be learned, in the order of learning. Raises nothing.

        `newest` is what the newest weights answer before they learn it, None where they have no answer;
        what was really served is in `joined`. Called for early negatives and corrections too
        (`Origin.is_judged` tells), and for confirmed negatives, which are not learned again.
        """
