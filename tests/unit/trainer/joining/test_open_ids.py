"""How long ids are remembered, and which go where there are too many."""

from riverrun_trainer.joining.closings import GRAIN_BITS
from riverrun_trainer.joining.open_ids import OpenId, OpenIds

LATE = 1 << GRAIN_BITS
"""An id comes due at most that much late."""

SECOND = 10**9


def opened(ids: OpenIds, closes_s: dict[str, int]) -> dict[str, OpenId]:
    found = {}
    for name, at_s in closes_s.items():
        found[name] = ids.open(name)
        ids.close_at(name, found[name], at_s * SECOND)
    return found


def test_an_id_is_remembered_until_its_time():
    ids = OpenIds(10, lambda one: None)
    found = opened(ids, {"a": 60, "b": 30, "c": 90})

    before = list(ids.take_due(30 * SECOND - 1))
    due = list(ids.take_due(60 * SECOND + LATE))

    assert before == []
    assert due == [found["b"], found["a"]]
    assert (ids.find("a"), ids.find("c"), len(ids)) == (None, found["c"], 1)


def test_an_id_whose_time_was_put_off_is_not_due_at_the_old_one():
    ids = OpenIds(10, lambda one: None)
    found = opened(ids, {"a": 30})
    ids.close_at("a", found["a"], 90 * SECOND)

    early = list(ids.take_due(60 * SECOND))
    late = list(ids.take_due(90 * SECOND + LATE))

    assert (early, late) == ([], [found["a"]])


def test_the_ids_that_are_due_next_make_room_for_another():
    gone: list[OpenId] = []
    ids = OpenIds(3, gone.append)
    found = opened(ids, {"a": 60, "b": 30, "c": 90})

    found |= opened(ids, {"d": 120})

    assert gone == [found["b"]]
    assert [ids.find(name) for name in "abcd"] == [found["a"], None, found["c"], found["d"]]


def test_an_id_that_is_there_already_costs_no_other_its_place():
    gone: list[OpenId] = []
    ids = OpenIds(2, gone.append)
    found = opened(ids, {"a": 60, "b": 30})

    again = ids.open("a")

    assert (again, gone) == (found["a"], [])
