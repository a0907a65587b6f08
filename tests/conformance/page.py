"""docs/conformance.md, from what the clients said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HEAD = """# Clients that call us

Real clients, run against a real serving process over loopback by `make conformance`, which installs them in
environments of their own and writes this page. Each answer is compared with what the learner itself says,
number by number.

"""

TAIL = """
Not run: Triton's own example scripts, which need a model with tensors of its own where ours have a tensor for
each feature; `perf_analyzer`, whose wheel brings no program; KServe itself, which needs a cluster.

The traps that these clients set for servers are tests of their own, without the clients:
`tests/integration/serving/test_inference_traps.py`.
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One check of one client; `why` it failed, empty where it passed."""

    check: str
    why: str


@dataclass(frozen=True, slots=True)
class Ran:
    """One client: its name, its version, and what it was asked to do."""

    client: str
    version: str
    outcomes: Sequence[Outcome]


def page(ran: Sequence[Ran]) -> str:
    """The whole page."""
    lines = ["| client | what it did | |", "| --- | --- | --- |"]
    for one in ran:
        for outcome in one.outcomes:
            said = "passed" if not outcome.why else f"FAILED: {outcome.why}"
            lines.append(f"| {one.client} {one.version} | {outcome.check} | {said} |")
    return HEAD + "\n".join(lines) + "\n" + TAIL
