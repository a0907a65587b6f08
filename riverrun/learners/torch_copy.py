"""One of the modules that take turns in a reader."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import ref

import numpy as np

from riverrun.codec.rounded_marks import is_rounded
from riverrun.core.units import SideDelta, Unit
from riverrun.learners.tensor_span import Span
from riverrun.learners.tensor_units import Spans
from riverrun.learners.torch_model import TorchModel
from riverrun.learners.torch_module import loading_module, module_tensors

if TYPE_CHECKING:
    from riverrun.learners.torch_predictor import TorchPredictor


class ModelCopy:
    """A module that units are written into, and which version shows it, or showed it last.

    `turn` counts how often it was brought to another version.
    """

    __slots__ = ("_rounded", "_sent", "_spans", "_tensors", "model", "shown_by", "turn")

    def __init__(self, model: TorchModel, spans: Spans) -> None:
        """`model` is fresh, and only this copy's."""
        model.module.requires_grad_(False)
        # What an optimizer remembers of a table is as large as the table, and of no use here.
        self.model = replace(model, optimizer=())
        self.turn = 0
        self.shown_by: ref[TorchPredictor] | None = None
        self._spans = spans
        self._tensors = module_tensors(model.module)
        # Of the tensors that have a start, the blocks that have a unit.
        self._sent = {
            span: np.zeros(span.blocks, dtype=np.bool_) for span in spans if span.header.start is not None
        }
        # Units that cannot be made anew from the elements, which have fewer bits in them.
        self._rounded: dict[int, Unit] = {}

    def is_idle(self) -> bool:
        """Whether no version shows it any more."""
        return self.shown_by is None or self.shown_by() is None

    def loading(self, units: Mapping[int, Unit]) -> Iterator[None]:
        """Fill it with the whole of a serving side, in steps.

        Raises `InvalidInput` where that is no such model's.
        """
        yield from loading_module(self.model.module, self._spans, units)
        self._note(units, self._spans.sorted_out(units))

    def writing(self, delta: SideDelta) -> Iterator[None]:
        """Bring it to another version, in steps. Raises `InvalidInput`, and is of no use then."""
        found = self._spans.sorted_out(delta.changed)
        for span, blocks in found.items():
            yield from span.writing(span.array(self._tensors[span.header.name]), blocks)
        self._note(delta.changed, found)

    def twin(self) -> ModelCopy:
        """Another copy of this one's version."""
        model = replace(self.model, module=copy.deepcopy(self.model.module))
        twin = ModelCopy(model, self._spans)
        twin._sent = {span: sent.copy() for span, sent in self._sent.items()}
        twin._rounded = dict(self._rounded)
        return twin

    def units(self) -> dict[int, Unit]:
        """All units of the version that it was brought to."""
        return {**dict(self._units()), **self._rounded}

    def _units(self) -> Iterator[tuple[int, Unit]]:
        for span in self._spans:
            yield span.number, span.payload
            sent = self._sent.get(span)
            indexes = range(span.blocks) if sent is None else np.flatnonzero(sent).tolist()
            payloads = span.payloads(span.array(self._tensors[span.header.name]), indexes)
            yield from zip(map(span.number_of, indexes), payloads, strict=True)

    def _note(self, units: Mapping[int, Unit], found: Mapping[Span, Mapping[int, Unit]]) -> None:
        for span, blocks in found.items():
            sent = self._sent.get(span)
            if sent is not None:
                sent[list(blocks)] = True
        rounded = {number: unit for number, unit in units.items() if is_rounded(unit)}
        for number in self._rounded.keys() & units.keys() if self._rounded else ():
            del self._rounded[number]
        self._rounded |= rounded
