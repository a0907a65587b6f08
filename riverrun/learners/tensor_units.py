"""Named tensors as units, and back."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Container, Iterator, Mapping

from torch import Tensor

from riverrun.core.errors import InvalidInput
from riverrun.core.units import Unit
from riverrun.learners.table_start import Start
from riverrun.learners.tensor_span import Span


class Spans:
    """The spans of one learner, by name and by number; numbers are never given twice."""

    def __init__(self, units: Mapping[int, Unit] | None = None) -> None:
        """Those whose headers are among `units`. Raises `InvalidInput` for what is no part of a tensor."""
        self.next_number = 0
        self.by_name: dict[str, Span] = {}
        self._firsts: list[int] = []
        self._spans: list[Span] = []
        for number in sorted(units or ()):
            if number >= self.next_number:
                assert units is not None  # a number is among them
                self._add(Span.read(number, units[number]))

    def open(self, name: str, tensor: Tensor, block: int, start: Start | None = None) -> Span:
        """Give `tensor` its numbers."""
        return self._add(Span.of(self.next_number, name, tensor, block, start))

    def sorted_out(self, units: Mapping[int, Unit]) -> dict[Span, dict[int, Unit]]:
        """The blocks among `units` by tensor and index; none for a tensor of which only the header is there.

        Raises `InvalidInput` for a number that belongs to no tensor, and for a header that is another.
        """
        found: dict[Span, dict[int, Unit]] = {}
        for number, payload in units.items():
            place = bisect_right(self._firsts, number) - 1
            if place < 0:
                raise InvalidInput("unit", f"{number} belongs to no tensor")
            span = self._spans[place]
            blocks = found.setdefault(span, {})
            if number != span.number:
                blocks[span.index_of(number)] = payload
            elif payload != span.payload:
                raise InvalidInput("unit", f"another header of tensor {span.header.name[:80]}")
        return found

    def __iter__(self) -> Iterator[Span]:
        return iter(self._spans)

    def _add(self, span: Span) -> Span:
        if span.header.name in self.by_name:
            raise InvalidInput("unit", f"tensor {span.header.name[:80]} is there twice")
        self.by_name[span.header.name] = span
        self._firsts.append(span.number)
        self._spans.append(span)
        self.next_number = span.end
        return span


def loading(
    spans: Spans, units: Mapping[int, Unit], tensors: Mapping[str, Tensor], starts: Mapping[str, Start]
) -> Iterator[None]:
    """Fill `tensors`, which are at their `starts`, with the whole of `units`, in steps.

    Raises `InvalidInput` unless these are exactly those tensors.
    """
    found = spans.sorted_out(units)
    names = {span.header.name for span in found}
    for name in names ^ tensors.keys():
        raise InvalidInput("state", f"tensor {name[:80]} is not as this spec's model has it")
    for span, blocks in found.items():
        name = span.header.name
        flat = span.array(tensors[name])
        _check_whole(span, blocks)
        if span.header.start is not None and span.header.start != starts.get(name):
            raise InvalidInput("state", f"tensor {name[:80]} does not start as this spec's model does")
        yield from span.writing(flat, blocks)


def read(spans: Spans, units: Mapping[int, Unit], shapes: Container[tuple[int, ...]]) -> dict[str, Tensor]:
    """New tensors with the whole of `units`. One that has a start has one of `shapes`.

    Raises `InvalidInput` where they are not there whole.
    """
    tensors = {}
    for span, blocks in spans.sorted_out(units).items():
        # Checked before memory is taken: a short unit may claim any shape.
        _check_whole(span, blocks)
        if span.header.start is not None and span.header.shape not in shapes:
            raise InvalidInput("state", f"tensor {span.header.name[:80]} is not as this spec's model has it")
        tensor = tensors[span.header.name] = span.new_tensor()
        deque(span.writing(span.array(tensor), blocks), maxlen=0)
    return tensors


def _check_whole(span: Span, blocks: Mapping[int, Unit]) -> None:
    if span.header.start is None and len(blocks) != span.blocks:
        raise InvalidInput("unit", f"tensor {span.header.name[:80]} is not whole")
