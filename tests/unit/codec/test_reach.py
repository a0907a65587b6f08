"""What can be reached is kept as a full search would find it, whatever references come and go."""

from __future__ import annotations

import random

import pytest

from riverrun.codec.reach import Reach


def searched(graph: dict[int, list[int]]) -> set[int]:
    """What a search from 0 finds."""
    found: set[int] = set()
    stack = [0]
    while stack:
        number = stack.pop()
        if number not in found:
            found.add(number)
            stack += graph.get(number, [])
    return found


@pytest.mark.parametrize("seed", range(60))
def test_random_changes_are_followed_like_a_search(seed: int) -> None:
    source = random.Random(seed)
    size = source.choice([4, 12, 60])
    graph: dict[int, list[int]] = {0: []}
    reach = Reach(0, lambda number: graph.get(number, ()))
    reach.update({})
    reached = {0}

    for _ in range(150):
        before: dict[int, list[int]] = {}
        for _ in range(source.randrange(1, 5)):
            number = source.randrange(size)
            before.setdefault(number, graph.get(number, []))
            count = source.choice([0, 1, 1, 2, 3])
            graph[number] = [source.randrange(size) for _ in range(count)]

        gained, lost = reach.update(before)

        now = searched(graph)
        assert set(reach.numbers()) == now
        assert gained == now - reached
        assert lost == reached - now
        reached = now


def test_a_ring_that_only_holds_itself_is_lost() -> None:
    graph = {0: [1], 1: [2], 2: [3], 3: [1]}
    reach = Reach(0, lambda number: graph.get(number, ()))
    reach.update({})

    graph[0] = []

    assert reach.update({0: [1]}) == (set(), {1, 2, 3})


def test_a_part_that_moves_below_something_new_stays() -> None:
    graph = {0: [1], 1: [2], 2: [1]}
    reach = Reach(0, lambda number: graph.get(number, ()))
    reach.update({})

    graph.update({0: [3], 3: [1]})

    assert reach.update({0: [1], 3: []}) == ({3}, set())
