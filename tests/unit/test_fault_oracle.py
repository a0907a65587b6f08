"""The oracle of the fault tests finds each kind of broken promise, and none where none was broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from riverrun.core.versions import Manifest
from riverrun.rpc.weights import Push, Pushed
from tests.fault.harness.oracle import Found, FoundModel, Oracle
from tests.fault.harness.tally import Tally, Vacuous


def push(version: int, epoch: int = 1) -> Push:
    roots = bytes([version]) * 32
    return Push(
        model="m",
        line=1,
        epoch=epoch,
        base_version=version - 1,
        push_id=f"p{version}",
        serving=b"",
        trainer=b"",
        snapshot=False,
        serving_root=roots,
        trainer_root=roots,
        next_unit=1,
    )


def manifest(version: int) -> Manifest:
    roots = bytes([version]) * 32
    return Manifest(
        model="m",
        version=version,
        line=1,
        parent=version - 1,
        epoch=1,
        digest=roots,
        serving_root=roots,
        trainer_root=roots,
        spec_digest=b"",
        created_ns=0,
        next_unit=1,
        push_id=f"p{version}",
    )


def pushed(version: int) -> Pushed:
    return Pushed("s", version, bytes([version]) * 32, (), False)


@pytest.fixture
def oracle() -> Oracle:
    """Versions 1 and 2 acknowledged, 3 unknown; one label acknowledged, two unknown ones sent together."""
    told = Oracle()
    told.opened("m", 1)
    for version in (1, 2, 3):
        told.push_sent(push(version))
    for version in (1, 2):
        told.push_acked(f"p{version}", pushed(version))
    told.labels_sent("m", ("a",))
    told.labels_acked(("a",), [0])
    told.labels_sent("m", ("b", "c"))
    return told


WHOLE = Found({"m": FoundModel([manifest(1), manifest(2)], live=2, generation=2)}, {"m": [(0, "a")]})


def versions(*found: Manifest, live: int = 2) -> Found:
    return replace(WHOLE, models={"m": FoundModel(found, live=live, generation=2)})


def labels(*found: tuple[int, str]) -> Found:
    return replace(WHOLE, labels={"m": found})


def kinds(oracle: Oracle, found: Found) -> set[str]:
    return {problem.kind for problem in oracle.check(found)}


@pytest.mark.parametrize(
    "found",
    [WHOLE, versions(manifest(1), manifest(2), manifest(3), live=3), labels((0, "a"), (1, "b"), (2, "c"))],
    ids=["unknown absent", "unknown push there", "unknown append there"],
)
def test_what_is_unknown_may_be_wholly_there_or_absent(oracle: Oracle, found: Found) -> None:
    assert oracle.check(found) == []


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("acked-lost", versions(manifest(1), live=1)),
        ("acked-lost", Found({}, {})),
        ("acked-changed", versions(manifest(1), replace(manifest(2), digest=b"x"))),
        ("seen-lost", versions(manifest(1), live=1)),
        ("head-behind", versions(manifest(1), manifest(2), live=1)),
        ("gap-or-repeat", versions(manifest(1), manifest(3), live=3)),
        ("half-applied", versions(manifest(1), manifest(2), replace(manifest(3), trainer_root=b"x"))),
        ("never-sent", versions(manifest(1), manifest(2), replace(manifest(3), push_id="other"))),
        ("applied-twice", versions(manifest(1), manifest(2), replace(manifest(3), push_id="p2"))),
        ("torn", replace(WHOLE, models={"m": replace(WHOLE.models["m"], wrong_weights=[1])})),
        ("label-lost", labels()),
        ("label-twice", labels((0, "a"), (1, "a"))),
        ("half-applied", labels((0, "a"), (1, "b"))),
        ("gap-or-repeat", labels((0, "a"), (2, "b"), (3, "c"))),
        ("never-sent", labels((0, "a"), (1, "z"))),
    ],
)
def test_each_broken_promise_is_found(oracle: Oracle, kind: str, found: Found) -> None:
    assert kind in kinds(oracle, found)


def refuse_three(oracle: Oracle) -> None:
    oracle.push_refused("p3")


def see_three(oracle: Oracle) -> None:
    oracle.announced("r", "s", manifest(3), 3)


@pytest.mark.parametrize(
    ("kind", "told", "found"),
    [
        ("refused-kept", refuse_three, versions(manifest(1), manifest(2), manifest(3), live=3)),
        ("seen-lost", see_three, WHOLE),
    ],
)
def test_what_was_said_of_an_unknown_push_binds(
    oracle: Oracle, kind: str, told: Callable[[Oracle], None], found: Found
) -> None:
    told(oracle)

    assert kinds(oracle, found) == {kind}


@pytest.mark.parametrize(
    ("kind", "happened"),
    [
        ("epoch-repeated", lambda oracle: oracle.opened("m", 1)),
        ("old-epoch-accepted", lambda oracle: oracle.old_epoch_answered("m", 0, accepted=True)),
        ("acked-twice", lambda oracle: oracle.push_acked("p2", pushed(1))),
        ("two-digests", lambda oracle: oracle.announced("r", "s", replace(manifest(2), digest=b"x"), 1)),
        (
            "reader-went-back",
            lambda oracle: [oracle.announced("r", "s", manifest(v), v) for v in (2, 1)],
        ),
    ],
)
def test_what_clients_notice_themselves_counts(
    oracle: Oracle, kind: str, happened: Callable[[Oracle], object]
) -> None:
    happened(oracle)

    assert kind in kinds(oracle, WHOLE)


def test_old_versions_may_go_where_the_store_prunes_and_the_newest_may_not(oracle: Oracle) -> None:
    oracle.prunes = True

    assert kinds(oracle, versions(manifest(2))) == set()
    assert "acked-lost" in kinds(oracle, versions(manifest(1), live=1))


def test_a_promise_does_not_grow_with_later_answers(oracle: Oracle) -> None:
    promise = oracle.promise()
    oracle.push_acked("p3", pushed(3))

    assert promise.check(WHOLE) == []
    assert kinds(oracle, WHOLE) == {"acked-lost", "seen-lost", "head-behind"}


def test_a_run_without_load_shows_nothing(oracle: Oracle) -> None:
    tally = Tally("kill -9", 1)
    tally.struck(oracle, 10.0)
    tally.life_ended(oracle)

    with pytest.raises(Vacuous):
        tally.check()
