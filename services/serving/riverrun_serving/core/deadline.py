"""Until when a request may be computed; nobody waits for an answer that comes later."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from riverrun.core.errors import DeadlineExceeded


@dataclass(frozen=True, slots=True)
class Deadline:
    """`ends_at` is a time of `time.monotonic`, `limit_s` seconds after the request came.

    Where the caller gave no limit, it says only until when the request has to be begun: a long batch may take
    as long as it takes.
    """

    ends_at: float
    limit_s: float
    given: bool

    def check_begin(self) -> None:
        """Raise `DeadlineExceeded` where it is too late to begin."""
        if time.monotonic() > self.ends_at:
            raise DeadlineExceeded("the prediction", self.limit_s)

    def check(self) -> None:
        """Raise `DeadlineExceeded` where it is too late to go on."""
        if self.given:
            self.check_begin()


NO_DEADLINE = Deadline(math.inf, math.inf, given=False)
