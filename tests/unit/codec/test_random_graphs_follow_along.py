"""Random graphs under random changes: chains of deltas, restarts and readers all show the same graph."""

from __future__ import annotations

import random
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

import pytest

from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.codec.graph_encoder import GraphEncoder
from riverrun.codec.live_graph import LiveGraph
from riverrun.core.digest import HashTree
from riverrun.core.units import EMPTY, State, compose
from tests.unit.codec.parts import Part, Point, allow_list

STEPS = 40


def drawing(root: Any) -> list[Any]:
    """The graph below `root` in plain values: what each thing holds, things by order of discovery."""
    numbers: dict[int, int] = {id(root): 0}
    things = [root]
    drawn: list[Any] = []

    def draw(value: Any) -> Any:
        if isinstance(value, tuple):
            return (type(value).__name__, *map(draw, value))
        if not isinstance(value, Part | list | dict | deque):
            return repr(value)
        if id(value) not in numbers:
            numbers[id(value)] = len(things)
            things.append(value)
        return f"#{numbers[id(value)]}"

    for thing in things:
        content = vars(thing) if isinstance(thing, Part) else thing
        entries = content.items() if isinstance(content, dict) else enumerate(content)
        drawn.append((type(thing).__name__, [(draw(key), draw(value)) for key, value in entries]))
    return drawn


def things_of(root: Any) -> list[Any]:
    """All mutable things below `root`, in an order that depends on the graph alone."""
    seen, things = {id(root)}, [root]
    for thing in things:
        content = vars(thing) if isinstance(thing, Part) else thing
        pending = list(content.values() if isinstance(content, dict) else content)
        while pending:
            value = pending.pop(0)
            if isinstance(value, tuple):
                pending += value
            elif isinstance(value, Part | list | dict | deque) and id(value) not in seen:
                seen.add(id(value))
                things.append(value)
    return things


def new_value(source: random.Random, things: list[Any]) -> Any:
    """An atom, something new, or something that the graph holds already."""
    make: list[Callable[[], Any]] = [
        lambda: source.choice([None, True, 0.1, -0.0, 7, "text", b"bytes"]),
        lambda: Part(value=source.random()),
        lambda: [source.random()],
        lambda: {source.choice("abc"): source.randrange(9)},
        lambda: OrderedDict(x=[1]),
        lambda: deque([1.5], maxlen=4),
        lambda: Point(source.random(), source.choice(things)),
        lambda: {f"k{i}": float(i) for i in range(source.randrange(50, 90))},
        lambda: source.choice(things),
        lambda: (source.choice(things), [source.choice(things)]),
    ]
    return source.choice(make)()


def change(root: Any, source: random.Random) -> None:
    """Change one thing below `root`; equal graphs change alike by equal sources."""
    things = things_of(root)
    thing, value = source.choice(things), new_value(source, things)
    keep = source.random() < 0.6
    if isinstance(thing, Part):
        name = source.choice(["left", "right", "for_trainer", "value"])
        if keep:
            setattr(thing, name, value)
        else:
            vars(thing).pop(name, None)
    elif isinstance(thing, dict):
        key = source.choice(["a", "b", 3, ("t", 1), "k17", "k60"])
        if keep:
            thing[key] = value
        else:
            thing.pop(key, None)
    elif keep:
        thing.append(value)
    elif thing:
        thing.pop()


@pytest.mark.parametrize("seed", range(25))
def test_chains_restarts_and_readers_show_the_same_graph(seed: int) -> None:
    source = random.Random(seed)
    root = Part()
    encoder = GraphEncoder(allow_list())
    deltas = [encoder.encode(root)]
    state = EMPTY.apply(deltas[0])
    twin, twin_encoder = GraphDecoder(allow_list()).restore(state)
    reader = LiveGraph(GraphDecoder(allow_list()), state.serving, encoder.roots()[0])
    held: list[tuple[LiveGraph, Any]] = []

    for step in range(STEPS):
        for _ in range(source.randrange(1, 6)):
            lot = source.random()
            change(root, random.Random(lot))
            change(twin, random.Random(lot))
        deltas.append(encoder.encode(root))
        assert twin_encoder.encode(twin) == deltas[-1]
        state = state.apply(deltas[-1])
        assert drawing(GraphDecoder(allow_list()).decode(state)) == drawing(root)
        reader = reader.updated(deltas[-1].serving, encoder.roots()[0])
        served = drawing(GraphDecoder(allow_list()).decode(State(state.serving)))
        assert drawing(reader.root) == served
        if source.random() < 0.3:
            held.append((reader, served))
        for graph, drawn in held:
            assert drawing(graph.root) == drawn
        if len(held) > 3:
            held.pop(source.randrange(len(held)))
        if step % 7 == 6:
            twin, twin_encoder = GraphDecoder(allow_list()).restore(state)

    assert state == encoder.state() == EMPTY.apply(compose(deltas))
    assert encoder.roots() == (HashTree(state.serving).root, HashTree(state.trainer).root)
