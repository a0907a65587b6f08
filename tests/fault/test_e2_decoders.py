"""E2: no bytes make a decoder of weights, events or manifests crash, hang or take much memory."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.codec.decoder_fuzz import Fuzz
from tests.unit.codec.fuzz_runs import MEMORY, SECONDS, Findings, fuzzed
from tests.unit.codec.record_fuzz import EVENTS, MANIFESTS


def found_by(what: str, seed: int, runs: int) -> Findings:
    """The fuzz of one kind of decoder."""
    match what:
        case "weights":
            return Fuzz(seed).run(runs)
        case "events":
            return fuzzed(EVENTS, seed, runs)
        case _:
            return fuzzed(MANIFESTS, seed, runs)


@pytest.mark.row("E2")
@pytest.mark.parametrize("what", ["weights", "events", "manifests"])
def test_changed_bytes_are_a_value_or_a_refusal(
    what: str, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    found = found_by(what, seed, 1_000_000 if release else 50_000)

    figures |= {
        "inputs": found.runs,
        "seed": seed,
        "refused": found.refused,
        "slowest, ms of processor time": round(1e3 * found.slowest_s, 1),
        "most memory that was traced, KiB": found.most_bytes >> 10,
        "crashes, hangs and what was out of bounds": len(found.failures),
    }
    assert not found.failures, found.failures[:20]
    assert found.slowest_s < SECONDS
    assert found.most_bytes < MEMORY
    # Both ways out are taken, so that it is known to get deep.
    assert 0.1 * found.runs < found.refused < 0.99 * found.runs
