"""Announced deltas waiting to be applied: a chain, or nothing."""

from __future__ import annotations

from riverrun_serving.sync import pending_deltas
from riverrun_serving.sync.pending_deltas import PendingDeltas

from riverrun.rpc.watching import Announced
from tests.unit.serving.in_test_predictor import SPEC, manifest_of


def _step(base: int, version: int, *, spec_digest: bytes = SPEC.digest(), size: int = 1) -> Announced:
    manifest = manifest_of(version, spec_digest=spec_digest)
    return Announced("live", version, manifest, base, b"x" * size, 0)


def _versions(chain: list[Announced]) -> list[int]:
    return [one.manifest.version for one in chain]


def test_a_chain_is_taken_from_the_version_in_use() -> None:
    pending = PendingDeltas()
    for base in (3, 4, 5):
        pending.add(_step(base, base + 1))

    assert _versions(pending.take(4, SPEC.digest())) == [5, 6]
    assert not pending


def test_a_gap_begins_a_new_chain() -> None:
    pending = PendingDeltas()
    pending.add(_step(3, 4))
    pending.add(_step(8, 9))

    assert _versions(pending.take(8, SPEC.digest())) == [9]


def test_a_chain_that_starts_elsewhere_is_not_taken() -> None:
    pending = PendingDeltas()
    pending.add(_step(3, 4))

    assert pending.take(2, SPEC.digest()) == []


def test_an_announcement_without_a_delta_empties_the_chain() -> None:
    pending = PendingDeltas()
    pending.add(_step(3, 4))
    pending.add(_step(0, 5))

    assert not pending


def test_a_delta_of_another_spec_is_not_taken() -> None:
    pending = PendingDeltas()
    pending.add(_step(3, 4))
    pending.add(_step(4, 5, spec_digest=b"another"))

    assert pending.take(3, SPEC.digest()) == []


def test_what_would_grow_too_long_is_forgotten() -> None:
    pending = PendingDeltas()
    half = pending_deltas.MAX_PENDING_BYTES // 2 + 1
    pending.add(_step(3, 4, size=half))
    pending.add(_step(4, 5, size=half))

    assert pending.take(3, SPEC.digest()) == []
