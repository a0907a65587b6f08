"""Units as an object graph again, by the allow-list alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from riverrun.codec.allow_list import AllowList
from riverrun.codec.graph_build import GraphBuild
from riverrun.codec.graph_encoder import GraphEncoder
from riverrun.codec.graph_update import GraphUpdate, MustRebuild
from riverrun.codec.object_shape import Shape
from riverrun.codec.touch_marks import TouchMarks
from riverrun.codec.value_reader import Malformed
from riverrun.core.errors import InvalidInput, RiverrunError
from riverrun.core.steps import Steps, finish
from riverrun.core.units import NO_UNITS, SideDelta, State, Unit

MAX_SHAPES = 4096
"""Shapes that a decoder remembers at most, so that hostile states cannot fill its memory."""


class GraphDecoder:
    """Rebuilds object graphs from states; calls nothing that a state names. May be used again and again.

    A decoder remembers the shapes of the classes it has seen, so keep one for the states of one model.
    """

    def __init__(self, allow: AllowList) -> None:
        self._allow = allow
        self._shapes: dict[bytes, Shape] = {}

    def decode(self, state: State) -> Any:
        """The root object of `state`. Without the trainer's side, what only that side holds is None.

        Raises `InvalidInput` for anything that no encoder writes or that the allow-list does not name.
        """
        return finish(self._building(dict(state.serving), state.trainer)).root

    def restore(self, state: State, marks: TouchMarks | None = None) -> tuple[Any, GraphEncoder]:
        """The root object of a whole `state`, and the encoder that goes on from it with its numbers.

        From then on `marks` tell the encoder what needs no look.

        Raises as `decode` does.
        """
        build = finish(self._building(dict(state.serving), state.trainer))
        with _refusing():
            row_tables = build.row_tables()
        return build.root, GraphEncoder.restored(
            self._allow,
            state,
            build.objects,
            {number: (shape.class_name, shape.attributes) for number, shape in build.shapes.items()},
            row_tables,
            marks,
        )

    def opening(self, units: dict[int, Unit]) -> Steps[GraphBuild]:
        """The graph of serving's `units`, which belong to it from now on. Raises as `decode` does."""
        return self._building(units, NO_UNITS)

    def updating(self, graph: GraphBuild, delta: SideDelta) -> Steps[GraphBuild]:
        """`graph` brought to the state that `delta` leads to; not the same one where that cannot be.

        Raises as `decode` does; `graph` is then of no more use, nor is it where the steps are not all taken.
        """
        with _refusing():
            try:
                yield from GraphUpdate(graph).applying(delta)
            except MustRebuild:
                return (yield from self._building(delta.apply(graph.units), NO_UNITS))
        return graph

    def _building(self, units: dict[int, Unit], trainer: Mapping[int, Unit]) -> Steps[GraphBuild]:
        if len(self._shapes) > MAX_SHAPES:
            self._shapes.clear()
        with _refusing():
            build = GraphBuild(self._allow, units, trainer, self._shapes)
            yield from build.filling()
            build.fill_last()
        return build


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except RiverrunError:
        raise
    except Exception as error:
        # Hostile bytes can make numpy, msgspec or a type's constructor raise anything at all.
        detail = str(error) if isinstance(error, Malformed) else type(error).__name__
        raise InvalidInput("state", f"not a state that this allow-list can decode ({detail})") from error
