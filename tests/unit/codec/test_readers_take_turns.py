"""A reader's next version is made in place of the last but one, once nobody holds that one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from river import forest, linear_model

from riverrun.codec.graph_build import GraphBuild
from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.codec.graph_encoder import GraphEncoder
from riverrun.codec.graph_update import GraphUpdate
from riverrun.codec.live_graph import LiveGraph
from riverrun.core.digest import HashTree
from riverrun.core.errors import DigestMismatch, InvalidInput
from riverrun.core.units import EMPTY, Delta, SideDelta, State
from tests.unit.codec.families import FAMILIES, Family, many_features, numeric
from tests.unit.codec.parts import Key, Part, Slotted, Window, allow_list


class Line:
    """One root that changes, and a reader of its versions."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.encoder = GraphEncoder(allow_list())
        first = self.encoder.encode(root)
        self.state = EMPTY.apply(first)
        self.decoder = GraphDecoder(allow_list())
        self.reader = LiveGraph(self.decoder, first.serving.changed, self.encoder.roots()[0])

    def publish(self) -> Delta:
        """Make a version of what `root` is now; the reader takes it."""
        delta = self.encoder.encode(self.root)
        self.state = self.state.apply(delta)
        self.reader = self.reader.updated(delta.serving, self.encoder.roots()[0])
        return delta

    def shows_what_a_new_reader_shows(self) -> bool:
        """Whether the reader's graph is the one that a decoder makes of the same units."""
        anew = GraphDecoder(allow_list()).decode(State(self.state.serving))
        return written(self.reader.root) == written(anew)


def written(root: object) -> Delta:
    """All of the graph below `root`."""
    return GraphEncoder(allow_list()).encode(root)


@pytest.fixture
def read_again(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was built, in order: `new` for a whole graph, `same` for one brought to another state."""
    log: list[str] = []
    build, apply = GraphBuild.__init__, GraphUpdate.applying

    def building(graph: GraphBuild, *args: Any) -> None:
        log.append("new")
        build(graph, *args)

    def applying(update: GraphUpdate, delta: SideDelta) -> Iterator[None]:
        log.append("same")
        return apply(update, delta)

    monkeypatch.setattr(GraphBuild, "__init__", building)
    monkeypatch.setattr(GraphUpdate, "applying", applying)
    return log


def test_two_graphs_take_turns(read_again: list[str]) -> None:
    line = Line(Part(value=0))
    for value in range(1, 6):
        line.root.value = value
        line.publish()

        assert line.reader.root.value == value

    assert read_again == ["new", "new", "same", "same", "same", "same"]


def test_of_a_changed_object_only_the_attributes_that_changed_are_set() -> None:
    slotted = Slotted()
    slotted.left, slotted.right = 0, [1, 2]  # type: ignore[attr-defined]
    line = Line(Part(value=0, kept=[1, 2], slotted=slotted))
    shown = []
    for value in range(1, 7):
        line.root.value = slotted.left = value  # type: ignore[attr-defined]
        line.publish()
        root = line.reader.root
        shown.append((root, root.kept, root.slotted.right))

        assert (root.value, root.slotted.left) == (value, value)

    assert all(one is other for one, other in zip(shown[-1], shown[-3], strict=True))


def test_a_version_that_is_held_stays_and_costs_a_third_graph(read_again: list[str]) -> None:
    line = Line(Part(value=0, many=[]))
    held = line.reader
    for value in (1, 2, 3, 4):
        line.root.value = value
        line.root.many.append(value)
        line.publish()

    assert (held.root.value, held.root.many) == (0, [])
    assert (line.reader.root.value, line.reader.root.many) == (4, [1, 2, 3, 4])
    assert read_again == ["new", "new", "new", "same", "same"]


def test_two_versions_can_be_made_of_one() -> None:
    line = Line(Part(value=0))
    first = line.reader
    line.root.value = 100
    delta = line.publish()

    other = SideDelta({0: delta.serving.changed[0].replace(b"\x64", b"\x65")})
    branch = first.updated(other, HashTree(other.apply(first.units)).root)

    line.root.value = 3
    line.publish()
    assert (first.root.value, branch.root.value, line.reader.root.value) == (0, 101, 3)


@pytest.mark.parametrize("wrong", ["digest", "payload"])
def test_a_refused_version_leaves_the_present_one_and_the_way_on(wrong: str) -> None:
    line = Line(Part(inner=Part(value=0)))
    for value in (1, 2):
        line.root.inner.value = value
        line.publish()
    present = line.reader

    broken = SideDelta({0: b"\xc0"})
    root = HashTree(broken.apply(present.units)).root if wrong == "payload" else bytes(32)
    with pytest.raises(InvalidInput if wrong == "payload" else DigestMismatch):
        present.updated(broken, root)

    assert present.root.inner.value == 2
    for value in (3, 4):
        line.root.inner.value = value
        line.publish()
        assert line.shows_what_a_new_reader_shows()


def test_objects_that_are_made_anew_are_seen_by_all_that_hold_them() -> None:
    shared = bytearray(b"first")
    line = Line(Part(left=Part(data=shared), right=[Part(data=shared)], pair=(shared, 1)))
    for content in (b"second", b"third", b""):
        shared[:] = content
        line.publish()

        root = line.reader.root
        assert root.left.data == content
        assert root.left.data is root.right[0].data is root.pair[0]


def test_objects_hashed_by_what_they_hold_are_found_after_it_changed() -> None:
    key = Key("one")
    line = Line(Part(key=key, table={key: 1}))
    for name in ("two", "three", "four"):
        del line.root.table[key]
        key.name = name
        line.root.table[key] = 1
        line.publish()

        assert line.reader.root.table[Key(name)] == 1


def test_attributes_and_slots_that_went_are_gone() -> None:
    part, slotted = Part(a=1, b=2), Slotted()
    slotted.left, slotted.right = 1, 2  # type: ignore[attr-defined]
    line = Line(Part(part=part, slotted=slotted, window=Window([1.0, 2.0], 4)))
    line.publish()

    del part.a  # type: ignore[attr-defined]
    del slotted.right  # type: ignore[attr-defined]
    line.root.window.clear()
    for _ in range(2):
        line.publish()

        assert vars(line.reader.root.part) == {"b": 2}
        assert not hasattr(line.reader.root.slotted, "right")
        assert list(line.reader.root.window) == []


def test_rows_are_set_where_no_entry_comes_or_goes() -> None:
    line = Line(Part(table={f"k{i}": float(i) for i in range(200)}))
    line.publish()
    line.publish()
    steps = (
        lambda table: table.update(k7=0.5),
        lambda table: table.update(k199=1.5, new=2.5),
        lambda table: table.pop("k3"),
        lambda table: table.update(k3=Part(value=1)),
        lambda table: table["k3"].__dict__.update(value=2),
        lambda table: table.update(k3=4),
    )
    for step in steps:
        step(line.root.table)
        line.publish()

        assert list(line.reader.root.table) == list(line.root.table)
        assert line.shows_what_a_new_reader_shows()


def test_what_only_trainers_had_is_there_once_serving_needs_it() -> None:
    part = Part(value=1)
    line = Line(Part(for_trainer=part))
    line.publish()
    assert line.reader.root.for_trainer is None

    line.root.now = part
    for _ in range(2):
        line.publish()
        assert line.reader.root.for_trainer is line.reader.root.now

    del line.root.now
    for _ in range(2):
        line.publish()
        assert line.reader.root.for_trainer is None


@pytest.mark.usefixtures("generators_have_seeds")
@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_readers_of_drifting_learners_show_what_a_new_reader_shows(family: Family) -> None:
    line = Line(family.make())
    for count, (row, label) in enumerate(family.stream(family.events), start=1):
        line.root.learn_one(dict(row), label)
        if count % 25 == 0:
            line.publish()
            # What is wrong in a graph stays wrong; of any three versions in a row both graphs show one.
            if count % 75 == 0:
                assert line.shows_what_a_new_reader_shows()


@pytest.mark.parametrize(
    ("make", "stream"),
    [
        (lambda: forest.AMFClassifier(n_estimators=3, seed=1), numeric),
        (linear_model.LogisticRegression, many_features),
    ],
    ids=["forest", "weights"],
)
def test_what_is_read_again_does_not_grow_with_the_model(
    make: Any, stream: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(make())
    unpacked: list[int] = []
    payload = GraphBuild.payload

    def counting(graph: GraphBuild, number: int) -> bytes:
        unpacked[-1] += 1
        return payload(graph, number)

    for count, (row, label) in enumerate(stream(800), start=1):
        line.root.learn_one(dict(row), label)
        if count % 400 == 0:
            for _ in range(3):
                line.publish()
    monkeypatch.setattr(GraphBuild, "payload", counting)
    for row, label in stream(10):
        line.root.learn_one(dict(row), label)
        unpacked.append(0)
        changed = len(line.publish().serving.changed)
        assert unpacked[-1] < 200 + 6 * changed
    assert len(line.state.serving) > 20
