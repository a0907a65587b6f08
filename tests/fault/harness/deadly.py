"""A model of a user's own that an event can kill, stop or bloat: the factory of trainers under test."""

from __future__ import annotations

import os
import time

from river import linear_model, optim


class Deadly(linear_model.LinearRegression):
    """Does what the event's feature `harm` asks for, before it learns."""

    def learn_one(self, x: dict[str, float], y: float, w: float = 1.0) -> None:
        """Raise, hang, take 2 GiB, or end the process or its loop; or learn."""
        harm = 0.0 if os.environ.get("HARM_NEVER") else x.get("harm", 0.0)
        if harm == 1:
            raise RuntimeError("this event cannot be learned")
        if harm == 2:
            time.sleep(float(os.environ.get("HARM_HANGS_S", "60")))
        if harm == 3:
            taken = bytearray(2 << 30)
            taken[:: 4 << 10] = b"\x01" * len(taken[:: 4 << 10])
        if harm == 4:
            os._exit(9)
        if harm == 5:
            raise SystemExit("the loop ends")
        super().learn_one(x, y, w)


def make() -> Deadly:
    """The model."""
    return Deadly(optimizer=optim.SGD(0.01))
