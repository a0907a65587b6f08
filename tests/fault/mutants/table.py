"""The mutants: one broken rule each, by number and name, with the row that must catch it.

`patch` is ``module:function`` in this folder, with ``@program`` where only ``python -m program`` is to have
it; `sitecustomize` applies it in the child process (see `harness.mutation`). A mutant is caught when the
row's run under it finds one of `kinds` (see `oracle.Problem`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.fault.harness.tally import Tally


@dataclass(frozen=True, slots=True)
class Mutant:
    """One broken rule. `kinds` are the problems that it must come to light as."""

    number: int
    name: str
    patch: str
    row: str
    kinds: frozenset[str]

    def caught_by(self, tally: Tally) -> dict[str, Any]:
        """For the report: as what the mutant came to light in a run, and after how many faults."""
        print(f"mutant {self.number}, {self.name}: {tally}")
        return self.caught(tally.kinds, f"{tally.faults} x {tally.fault}")

    def caught(self, kinds: Iterable[str], after: str) -> dict[str, Any]:
        """The same from the kinds of problem that were found; "caught as" is empty where it was not."""
        found = ", ".join(sorted(self.kinds & set(kinds)))
        line = {"mutant": self.number, "name": self.name, "row": self.row}
        return {**line, "caught as": found, "after": after}

    def __str__(self) -> str:
        return f"{self.number}-{self.name.replace(' ', '-')}"


def _mutant(number: int, name: str, patch: str, row: str, *kinds: str) -> Mutant:
    return Mutant(number, name, patch, row, frozenset(kinds))


_LOST = ("acked-lost", "head-behind", "label-lost", "start-refused", "seen-lost", "torn")

MUTANTS = (
    _mutant(1, "no data fsync", "storage_patches:no_data_fsync", "A3", *_LOST),
    _mutant(2, "no folder fsync", "storage_patches:no_folder_fsync", "A3", *_LOST),
    _mutant(3, "ack before fsync", "storage_patches:ack_before_fsync", "A3", *_LOST),
    _mutant(4, "publish before fsync", "storage_patches:publish_before_fsync", "A1", "seen-lost"),
    _mutant(5, "in-place write", "storage_patches:in_place_write", "A6", "torn", "start-refused"),
    _mutant(6, "offset before weights", "trainer_patches:offset_before_weights", "B2", "skipped"),
    _mutant(7, "offset in another file", "trainer_patches:offset_in_another_file", "B2", "twice"),
    _mutant(8, "no epoch check", "storage_patches:no_epoch_check", "B4", "old-epoch-accepted"),
    _mutant(9, "epoch only in memory", "storage_patches:epoch_only_in_memory", "B5", "epoch-repeated"),
    _mutant(10, "no checksum", "storage_patches:no_checksum", "A4", "silent", "unnamed"),
    _mutant(11, "version before weights", "serving_patches:two_step_swap", "C1", "torn-answer"),
    _mutant(13, "unbounded queue", "serving_patches:unbounded_queue", "C10", "not-skipped", "memory"),
    _mutant(12, "no finite check", "trainer_patches:no_finite_check", "D1", "not-finite"),
    _mutant(14, "listener closed at SIGTERM", "serving_patches:closed_at_signal", "C5", "failed"),
    _mutant(15, "pickle fallback", "audit_patches:pickle_fallback", "E1", "pickle.find_class", "canary"),
    _mutant(16, "fsync retried after EIO", "storage_patches:retry_fsync", "A5", "went-on"),
    _mutant(17, "journal deleted, FULL", "storage_patches:journal_deleted", "A3", *_LOST),
    _mutant(
        18,
        "ids age by the wall clock",
        "storage_patches:ids_age_by_the_wall",
        "B6",
        "accepted-again",
        "twice",
    ),
    _mutant(19, "momentum forgotten", "trainer_patches:momentum_forgotten", "D8", "other-weights"),
    _mutant(20, "readiness needs the server", "serving_patches:readiness_needs_the_server", "C6", "unready"),
    _mutant(21, "no bound on the wait", "serving_patches:no_gate", "C7", "past-deadline"),
    _mutant(22, "no retry budget", "client_patches:no_budget", "C13", "amplified"),
    _mutant(23, "no share of a source", "trainer_patches:no_share_of_a_source", "D4", "over-share"),
    _mutant(24, "shares forgotten", "trainer_patches:shares_forgotten", "D4", "over-share"),
    _mutant(25, "decisions forgotten", "trainer_patches:decisions_forgotten", "B9", "twice"),
    _mutant(26, "joins begin at the position", "trainer_patches:joins_begin_at_the_position", "B9", "lost"),
    _mutant(27, "encoded for each reader", "storage_patches:encoded_for_each_reader", "C9", "encoded-again"),
)


def of_row(row: str) -> tuple[Mutant, ...]:
    """The mutants that `row` must catch."""
    return tuple(mutant for mutant in MUTANTS if mutant.row == row)
