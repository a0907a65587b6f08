"""Which rows of a model's tables were touched, told by the gradients of its steps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from riverrun.learners.embedding_table import TableFacts, tables_of
from riverrun.learners.optimizer_state import row_memory
from riverrun.learners.tensor_changes import TableRows
from riverrun.learners.torch_model import TorchModel

_NOTHING = np.empty(0, dtype=np.int64)


class _Table:
    """A table, the memory that optimizers have of its rows, and what was touched since it was last taken."""

    def __init__(self, facts: TableFacts, memory: Mapping[str, float] | None) -> None:
        self.facts = facts
        self.is_row_wise = facts.sparse and memory is not None
        self.memory = memory if self.is_row_wise and memory else {}
        self.touched: list[Tensor] = []
        self.all_touched = False

    def note(self) -> None:
        gradient = self.facts.parameter.grad
        if gradient is None:
            return
        if gradient.is_sparse:
            self.touched.append(gradient._indices()[0])
        else:
            # Something else in the module uses the table too.
            self.all_touched = True

    def take(self) -> NDArray[np.int64] | None:
        touched, self.touched = self.touched, []
        is_all, self.all_touched = self.all_touched or not self.is_row_wise, False
        if is_all:
            return None
        return np.unique(np.concatenate([rows.numpy() for rows in touched])) if touched else _NOTHING


class TouchedRows:
    """Collects what the steps of one model touch."""

    def __init__(self, model: TorchModel) -> None:
        optimizers = model.optimizers
        self._tables = {
            name: _Table(facts, row_memory(optimizers, facts.parameter))
            for name, facts in tables_of(model.module).items()
        }

    def note(self) -> None:
        """Take note of the step whose gradients the parameters have."""
        for table in self._tables.values():
            table.note()

    def note_all(self) -> None:
        """Every row may have changed."""
        for table in self._tables.values():
            table.all_touched = True

    def take(self) -> tuple[dict[str, TableRows], dict[str, TableRows]]:
        """The module's tables, and the optimizers' memory of them, with what was touched since last time."""
        tables: dict[str, TableRows] = {}
        memory: dict[str, TableRows] = {}
        for name, table in self._tables.items():
            by_row, touched = table.is_row_wise, table.take()
            tables[name] = TableRows(table.facts.start, by_row, touched)
            memory |= {what: TableRows(start, by_row, touched) for what, start in table.memory.items()}
        return tables, memory
