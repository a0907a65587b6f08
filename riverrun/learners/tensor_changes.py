"""What changed in named tensors since it was last asked, at the cost of what was touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from riverrun.core.units import SideDelta, Unit
from riverrun.learners.table_start import Start
from riverrun.learners.tensor_span import BLOCK, ROW_BLOCK, Span
from riverrun.learners.tensor_units import Spans

AUDITED_BLOCKS = 32
"""Blocks of each table that are looked at although nothing touched them."""

BLOCKS_AT_ONCE = 512
"""Blocks that are compared at a time, so that looking at a whole table takes little memory."""


@dataclass(frozen=True, slots=True)
class TableRows:
    """A tensor that is a table: how it starts, whether it changes by row, and which rows may have changed.

    Where `touched` is None they may all have.
    """

    start: Start | None
    by_row: bool
    touched: NDArray[np.int64] | None


NO_TABLES: Mapping[str, TableRows] = {}


class TensorChanges:
    """Compares tensors with the units that they had.

    A tensor that is no table is looked at whole; of a table the touched rows, and a few blocks more in turn.
    Where one of these changed although nothing told of it, `missed` counts it, and the whole table is looked
    at.
    """

    def __init__(self, spans: Spans | None = None) -> None:
        """`spans` are those of a state to go on from."""
        self.spans = Spans() if spans is None else spans
        self.missed = 0
        self._audited: dict[str, int] = {}

    def changes(
        self,
        tensors: Mapping[str, Tensor],
        known: Mapping[int, Unit],
        tables: Mapping[str, TableRows] = NO_TABLES,
    ) -> SideDelta:
        """What makes `known`, the units of the last call, those of `tensors`; none is ever taken away."""
        changed: dict[int, Unit] = {}
        for name, tensor in tensors.items():
            table = tables.get(name)
            span = self.spans.by_name.get(name)
            is_new = span is None
            if span is None:
                span = self._open(name, tensor, table)
                changed[span.number] = span.payload
            look = _Look(span, span.array(tensor.contiguous()), known)
            if table is None or table.touched is None or (is_new and table.start is None):
                changed |= look.at_all()
            elif is_new or len(table.touched):
                changed |= self._at_touched(look, table.touched)
        return SideDelta(changed)

    def _open(self, name: str, tensor: Tensor, table: TableRows | None) -> Span:
        if table is None:
            return self.spans.open(name, tensor, BLOCK)
        columns = max(1, tensor.shape[1])
        least = ROW_BLOCK if table.by_row else BLOCK
        return self.spans.open(name, tensor, columns * -(-least // columns), table.start)

    def _at_touched(self, look: _Look, touched: NDArray[np.int64]) -> dict[int, Unit]:
        span = look.span
        rows_per_block = span.header.block // max(1, span.header.shape[1])
        changed = look.at(np.unique(touched // rows_per_block).tolist())
        missed = look.at([i for i in self._next_audited(span) if span.number_of(i) not in changed])
        if not missed:
            return changed
        self.missed += len(missed)
        return look.at_all()

    def _next_audited(self, span: Span) -> list[int]:
        count = min(AUDITED_BLOCKS, span.blocks)
        first = self._audited.get(span.header.name, 0)
        self._audited[span.header.name] = (first + count) % span.blocks
        return [(first + i) % span.blocks for i in range(count)]


@dataclass(frozen=True, slots=True)
class _Look:
    """At one tensor, beside the units `known` of it."""

    span: Span
    flat: NDArray[Any]
    known: Mapping[int, Unit]

    def at_all(self) -> dict[int, Unit]:
        """The blocks that are not as they were."""
        changed: dict[int, Unit] = {}
        for first in range(0, self.span.blocks, BLOCKS_AT_ONCE):
            changed |= self.at(range(first, min(first + BLOCKS_AT_ONCE, self.span.blocks)))
        return changed

    def at(self, indexes: Sequence[int]) -> dict[int, Unit]:
        """Those among the blocks `indexes` that are not as they were."""
        if not indexes:
            return {}
        span = self.span
        numbers = [span.number_of(index) for index in indexes]
        before = [self.known.get(number) for number in numbers]
        if span.header.start is not None:
            unsent = [place for place, unit in enumerate(before) if unit is None]
            for place, unit in zip(unsent, span.start_payloads([indexes[i] for i in unsent]), strict=True):
                before[place] = unit
        now = span.payloads(self.flat, indexes)
        return {n: unit for n, unit, old in zip(numbers, now, before, strict=True) if unit != old}
