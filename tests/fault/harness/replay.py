"""Learning a log from version 0 in a process of its own: ``python -m tests.fault.harness.replay SPEC LOG``.

LOG holds one event's body a line. Prints the roots of the state and the sha256 of all its units.
"""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from pathlib import Path

from riverrun_trainer.learning import Learning

from riverrun.core.events import LoggedEvent
from riverrun.core.spec import parse_spec
from riverrun.learners.build import build_learner

CAPTURE_EVERY = 100


def digests(spec_yaml: str, bodies: list[bytes]) -> dict[str, str]:
    """What the state after all of `bodies` comes to; a capture every so often, as a trainer makes them."""
    spec = parse_spec(spec_yaml)
    learner = build_learner(spec)
    learning = Learning(spec, learner, offsets={0: 0})
    for offset, body in enumerate(bodies):
        learning.take([LoggedEvent(offset, f"e{offset}", 0, 0, body)])
        if offset % CAPTURE_EVERY == 0:
            learning.capture()
    captured = learning.capture()
    state = learner.state()
    units = sha256()
    for side in (state.serving, state.trainer):
        for number in sorted(side):
            units.update(number.to_bytes(8, "big") + len(side[number]).to_bytes(8, "big") + side[number])
    return {
        "serving": captured.serving_root.hex(),
        "trainer": captured.trainer_root.hex(),
        "units": units.hexdigest(),
    }


if __name__ == "__main__":
    print(json.dumps(digests(Path(sys.argv[1]).read_text(), Path(sys.argv[2]).read_bytes().splitlines())))
