"""The hash tree depends on the units alone, and its root changes with every one of them."""

from __future__ import annotations

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from riverrun.core.digest import ABSENT, HashTree, version_digest
from riverrun.core.units import SideDelta

numbers = st.one_of(st.integers(0, 40), st.integers(0, 1 << 20))
units = st.dictionaries(numbers, st.binary(max_size=3), max_size=20)


def by_definition(units: dict[int, bytes]) -> bytes:
    """The root as the module's docstring defines it, computed the slow way."""
    level = {n: sha256(b"\x00" + n.to_bytes(8, "big") + unit).digest() for n, unit in units.items()}
    if not level:
        return sha256(b"\x02\x00" + ABSENT).digest()
    height = 0
    while height == 0 or level.keys() != {0}:
        above: dict[int, bytes] = {}
        for parent in {n // 16 for n in level}:
            children = [level.get(parent * 16 + i, ABSENT) for i in range(16)]
            above[parent] = sha256(b"\x01" + b"".join(children)).digest()
        level, height = above, height + 1
    return sha256(b"\x02" + bytes([height]) + level[0]).digest()


@given(units=units)
def test_the_root_is_as_defined(units: dict[int, bytes]) -> None:
    assert HashTree(units).root == by_definition(units)


@given(first=units, changes=st.lists(st.tuples(units, st.frozensets(numbers, max_size=8)), max_size=4))
def test_the_root_does_not_depend_on_the_way_there(
    first: dict[int, bytes], changes: list[tuple[dict[int, bytes], frozenset[int]]]
) -> None:
    tree, now = HashTree(first), dict(first)
    for changed, dropped in changes:
        delta = SideDelta(changed, (dropped | frozenset(list(now)[::2])) - changed.keys())
        tree.update(delta)
        delta.apply_in_place(now)

        assert tree.root == HashTree(now).root


@given(added=st.lists(numbers, max_size=12))
def test_a_growing_tree_has_the_root_of_one_made_at_once(added: list[int]) -> None:
    tree, now = HashTree(), dict[int, bytes]()
    for number in added:
        now[number] = b"unit"
        tree.update(SideDelta({number: b"unit"}))

        assert tree.root == by_definition(now)


@given(units=units)
def test_a_copy_goes_its_own_way(units: dict[int, bytes]) -> None:
    tree = HashTree(units)
    root = tree.root

    twin = tree.copy()
    twin.update(SideDelta({7: b"other"}))

    assert tree.root == root
    assert twin.root == HashTree({**units, 7: b"other"}).root


def test_a_payload_under_another_number_has_another_root() -> None:
    assert HashTree({1: b"a"}).root != HashTree({2: b"a"}).root
    assert HashTree({}).root != HashTree({0: b""}).root


def test_the_digest_of_a_version_takes_in_all_three_parts() -> None:
    a, b = bytes(32), bytes([1] * 32)

    assert len({version_digest(*parts) for parts in [(a, a, a), (b, a, a), (a, b, a), (a, a, b)]}) == 4
