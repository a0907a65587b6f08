"""One slot and what it is told: forward only, last good version kept, another store started anew.

The server's side of a pull is scripted here; real ones are in tests/integration/serving.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from riverrun_serving.core.model_slot import ModelSlot
from riverrun_serving.sync.slot_sync import SlotSync

from riverrun.core.digest import HashTree
from riverrun.core.errors import Unavailable
from riverrun.core.spec import SyncSpec
from riverrun.rpc.watching import Announced
from riverrun.rpc.weights import Pulled
from tests.unit.serving.in_test_predictor import (
    SPEC_YAML,
    FakeClock,
    OneNumberWeights,
    loaded,
    manifest_of,
)


class ScriptedPulls:
    """Answers pulls from a list; an exception in it is raised."""

    def __init__(self) -> None:
        self.answers: list[Pulled | Exception] = []
        self.asked: list[dict[str, Any]] = []
        self.meanwhile: Callable[[], object] = lambda: None

    async def pull(self, model: str, **asked: Any) -> Pulled:
        self.asked.append(asked)
        self.meanwhile()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Fixture:
    def __init__(self, version: int = 0) -> None:
        self.clock = FakeClock()
        self.pulls = ScriptedPulls()
        self.weights = OneNumberWeights()
        self.slot = ModelSlot("houses", "live")
        self.changes = 0
        self.sync = SlotSync(
            self.slot,
            self.pulls,  # type: ignore[arg-type]  # the one method that is used
            self.weights,
            self.clock,
            self._changed,
            store_id="store-a",
            keep_units=True,
        )
        if version:
            self.sync.adopt(loaded(version, generation=version), {1: str(version).encode()})

    def _changed(self, _sync: SlotSync) -> None:
        self.changes += 1

    @property
    def version(self) -> int:
        return 0 if self.slot.current is None else self.slot.current.version


def _pulled(version: int, *, generation: int | None = None, base: int = 0, **other: Any) -> Pulled:
    fields: dict[str, Any] = {
        "store_id": "store-a",
        "manifest": manifest_of(version),
        "generation": version if generation is None else generation,
        "base_version": base,
        "serving": str(version).encode(),
        "trainer": b"",
        "spec_yaml": SPEC_YAML,
    }
    return Pulled(**(fields | other))


def _announced(version: int, base: int, *, generation: int | None = None, arrival_ns: int = 0) -> Announced:
    return Announced(
        "live",
        version if generation is None else generation,
        manifest_of(version),
        base,
        str(version).encode(),
        arrival_ns,
    )


async def test_the_first_weights_are_pulled_whole() -> None:
    given = Fixture()
    given.pulls.answers = [_pulled(4)]

    given.sync.offer(_announced(4, 0))
    await given.sync.catch_up()

    assert (given.version, given.weights.built) == (4, 1)
    assert given.pulls.asked[0]["have_version"] == 0
    assert given.sync.units == {1: b"4"}


async def test_inline_deltas_need_no_pull_and_are_applied_together() -> None:
    given = Fixture(version=4)

    for base in (4, 5, 6):
        given.sync.offer(_announced(base + 1, base))
    await given.sync.catch_up()

    assert given.version == 7
    assert given.pulls.asked == []
    assert given.changes == 1
    assert given.sync.units == {1: b"7"}


async def test_a_delta_that_does_not_fit_is_replaced_by_a_pull() -> None:
    given = Fixture(version=4)
    given.pulls.answers = [_pulled(9, base=4)]

    given.sync.offer(_announced(9, 8))
    await given.sync.catch_up()

    assert given.version == 9
    assert given.pulls.asked[0]["have_version"] == 4


async def test_an_older_generation_changes_nothing() -> None:
    given = Fixture(version=4)

    given.sync.offer(_announced(3, 2))

    assert given.sync.state.announced == 4


async def test_a_rollback_is_a_later_generation_of_an_older_version() -> None:
    given = Fixture(version=4)
    given.pulls.answers = [_pulled(2, generation=5)]

    given.sync.offer(_announced(2, 0, generation=5))
    await given.sync.catch_up()

    assert given.version == 2
    assert given.sync.state.applied == 5


async def test_an_answer_from_behind_is_not_taken() -> None:
    given = Fixture(version=4)
    given.pulls.answers = [_pulled(3, generation=3)]

    given.sync.offer(_announced(6, 5))
    await given.sync.catch_up()

    assert given.version == 4
    assert "behind" in given.slot.problem


async def test_a_failed_update_keeps_the_last_good_version_and_heals_by_a_whole_pull() -> None:
    given = Fixture(version=4)
    broken = Announced("live", 5, manifest_of(5), 4, b"not a number", 0)
    given.pulls.answers = [_pulled(5)]

    given.sync.offer(broken)
    await given.sync.catch_up()
    during = given.version, given.slot.problem
    await given.sync.catch_up()

    assert during[0] == 4
    assert during[1].startswith("serving side: digest is")
    assert given.pulls.asked[0]["have_version"] == 0
    assert (given.version, given.slot.problem) == (5, "")
    assert given.changes == 2


async def test_a_server_that_is_away_does_not_cost_a_whole_pull_later() -> None:
    given = Fixture(version=4)
    given.pulls.answers = [Unavailable("the parameter server", "gone"), _pulled(6, base=4)]

    given.sync.offer(_announced(6, 5))
    await given.sync.catch_up()
    await given.sync.catch_up()

    assert given.version == 6
    assert [asked["have_version"] for asked in given.pulls.asked] == [4, 4]


async def test_another_store_is_started_from_a_whole_pull_and_may_count_from_one() -> None:
    given = Fixture(version=4)
    given.pulls.answers = [_pulled(1, store_id="store-b")]

    given.sync.start_again("store-b")
    kept = given.version
    given.sync.offer(_announced(1, 0))
    await given.sync.catch_up()

    assert kept == 4
    assert given.version == 1
    assert given.slot.current is not None
    assert given.slot.current.store_id == "store-b"


async def test_an_answer_of_another_store_is_not_taken() -> None:
    given = Fixture(version=4)
    given.pulls.answers = [_pulled(9, store_id="store-z")]

    given.sync.offer(_announced(9, 8))
    await given.sync.catch_up()

    assert given.version == 4
    assert "store-z" in given.slot.problem


async def test_a_spec_that_does_not_fit_its_version_is_refused() -> None:
    given = Fixture()
    given.pulls.answers = [_pulled(4, spec_yaml=SPEC_YAML.replace("rooms", "floors"))]

    given.sync.offer(_announced(4, 0))
    await given.sync.catch_up()

    assert given.version == 0
    assert "the spec of houses" in given.slot.problem


async def test_a_pinned_slot_pulls_its_version_and_stays() -> None:
    given = Fixture(version=4)
    given.sync.set_policy(SyncSpec(mode="pinned", version=2))
    given.pulls.answers = [_pulled(2, generation=0)]

    await given.sync.catch_up()
    given.sync.offer(_announced(9, 4))

    assert given.version == 2
    assert given.pulls.asked[0]["version"] == 2


async def test_only_a_confirmed_newest_version_grows_young_again() -> None:
    given = Fixture(version=4)
    given.clock.now = 110.0
    given.sync.confirm(0.0)
    confirmed = given.slot.age_s(110.0)
    given.sync.offer(_announced(5, 4))
    given.clock.now = 120.0
    given.sync.confirm(0.0)

    assert confirmed == 0.0
    assert given.slot.age_s(120.0) == 10.0


async def test_freshness_counts_from_the_oldest_event_since_the_last_swap() -> None:
    given = Fixture(version=4)
    given.clock.wall = 2_000_000_000

    given.sync.offer(_announced(5, 4, arrival_ns=1_500_000_000))
    given.sync.offer(_announced(6, 5, arrival_ns=1_900_000_000))
    await given.sync.catch_up()

    assert list(given.slot.recent_freshness_s) == [pytest.approx(0.5)]


async def test_news_that_come_during_a_pull_go_on_from_what_it_brought() -> None:
    given = Fixture()
    given.sync.offer(_announced(4, 0))
    given.pulls.answers = [_pulled(5)]
    given.pulls.meanwhile = lambda: [given.sync.offer(_announced(base + 1, base)) for base in (4, 5, 6)]

    await given.sync.catch_up()
    after_pull = given.version
    await given.sync.catch_up()

    assert after_pull == 5
    assert given.version == 7
    assert len(given.pulls.asked) == 1


async def test_a_version_that_cannot_answer_the_last_row_is_not_taken() -> None:
    given = Fixture(version=4)
    given.slot.answered_row = {"rooms": 3}
    root = HashTree({1: b"nan"}).root
    given.pulls.answers = [_pulled(5, manifest=manifest_of(5, serving_root=root), serving=b"nan")]

    given.sync.offer(_announced(5, 0))
    await given.sync.catch_up()

    assert (given.version, given.slot.problem) == (4, "model: its answer is not finite")


async def test_a_version_that_says_that_it_is_of_another_spec_is_not_taken() -> None:
    given = Fixture(version=4)
    given.pulls.answers = [_pulled(5, manifest=manifest_of(5, spec_digest=bytes(32)))]

    given.sync.offer(_announced(5, 0))
    await given.sync.catch_up()

    assert given.version == 4
    assert "the spec of houses" in given.slot.problem


async def test_a_new_version_is_tried_soon_after_many_that_failed() -> None:
    given = Fixture(version=4)
    for version in range(5, 15):
        given.pulls.answers = [Unavailable("the parameter server", "gone")]
        given.sync.offer(_announced(version, 0))
        await given.sync.catch_up()
    given.pulls.answers = [_pulled(15)]
    running = asyncio.create_task(given.sync.run())

    given.sync.offer(_announced(15, 0))
    given.clock.now += 0.2
    async with asyncio.timeout(60):
        while given.version != 15:
            await asyncio.sleep(0.01)
    running.cancel()
