"""Old versions go, and what stays is what it was: over a real store, with a clock of the test's own."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from riverrun_param_server.channel_targets import ChannelWish
from riverrun_param_server.pulls import PullWanted
from riverrun_param_server.readers import Report
from riverrun_param_server.recovery import verify
from riverrun_param_server.settings import ParamServerSettings

from riverrun.core.errors import NotFound
from riverrun.core.events import NewEvent, Stream
from riverrun.core.units import SideDelta
from riverrun.events.embedded.log import EmbeddedEventLog
from tests.integration.param_server.house import SECOND, House
from tests.integration.param_server.param_stack import SPEC, Units, a_push


async def test_old_versions_go_and_the_rest_is_as_it_was_also_after_a_restart(
    house: House, settings: ParamServerSettings
) -> None:
    for base in range(40):
        await house.push(base)
    house.clock.now_ns += 601 * SECOND

    dropped = await house.tidy()

    kept = await house.kept()
    assert dropped == 40 - len(kept)
    # Three versions a minute, of which one stays.
    assert 13 <= len(kept) <= 15
    assert kept[-1] == 40
    await house.check_everything_kept()
    assert verify(house.server.store).versions == len(kept)
    assert await house.tidy() == 0


async def test_a_delta_as_large_as_the_snapshot_beside_it_is_not_kept(house: House) -> None:
    house.clock.now_ns -= house.clock.now_ns % (60 * SECOND)
    for base in range(60):
        await house.push(base, size=50_000, every_s=2)
    house.clock.now_ns += 3600 * SECOND

    await house.tidy()

    *minutes, newest = await house.listed()
    assert len(minutes) == 2
    assert all(one.snapshot_bytes > 400_000 and one.delta_bytes == 0 for one in minutes)
    assert (newest.delta_bytes > 0) == (newest.snapshot_bytes == 0)
    await house.check_everything_kept()
    assert verify(house.server.store).versions == 3


async def test_large_bodies_of_dropped_versions_leave_the_disk(house: House) -> None:
    for base in range(9):
        await house.push(base, size=100_000, every_s=5)
    files = set((house.server.store.folder / "bodies").glob("*/*"))
    house.clock.now_ns += 3600 * SECOND

    await house.tidy()

    left = set((house.server.store.folder / "bodies").glob("*/*"))
    assert len(left) < len(files)
    await house.check_everything_kept()
    assert verify(house.server.store).removed_files == 0


async def test_versions_in_use_stay_whatever_their_age(house: House) -> None:
    for base in range(12):
        await house.push(base, every_s=1)
    await house.server.steering.set_channel("flights", "stable", ChannelWish(hold_version=3))
    await house.server.steering.set_channel("flights", "live", ChannelWish(hold_version=5), mark_good=True)
    await house.server.steering.set_channel("flights", "live", ChannelWish(follow=True))
    house.server.readers.connect(1, "pod", "")
    house.server.readers.report(1, Report("flights", "live", version=7, generation=1))
    house.clock.now_ns += 60 * 24 * 3600 * SECOND

    await house.tidy()

    assert await house.kept() == [3, 5, 7, 12]
    await house.check_everything_kept()
    house.server.readers.disconnect(1)
    await house.tidy()
    assert await house.kept() == [3, 5, 12]


async def test_a_line_that_was_reset_keeps_what_it_goes_on_from(house: House) -> None:
    for base in range(6):
        await house.push(base, every_s=1)
    await house.server.steering.reset("flights", 2, replay=True)
    session, opening = await house.server.sessions.open("flights", 2, "t")
    house.epoch = opening.epoch
    house.units = Units(dict(house.states[2]), {1_000_000: b"1"}, 1_000_001)
    base = 2
    for _ in range(4):
        base = await house.push(base, line=2, every_s=1)
    house.clock.now_ns += 60 * 24 * 3600 * SECOND

    await house.tidy()
    assert await house.kept() == [2, base]
    await house.check_everything_kept()
    # Nothing else starts from it any more: the next look lets it go.
    await house.tidy()

    assert await house.kept() == [base]
    await house.check_everything_kept()
    house.server.sessions.close(session)


async def test_the_newest_version_of_all_stays_though_its_line_was_closed(house: House) -> None:
    for base in range(4):
        await house.push(base, every_s=1)
    await house.server.steering.reset("flights", 2, replay=True)
    house.clock.now_ns += 60 * 24 * 3600 * SECOND

    await house.tidy()

    assert await house.kept() == [2, 4]
    assert verify(house.server.store).versions == 2


async def test_a_deleted_model_goes_after_a_while_and_no_number_comes_back(house: House) -> None:
    for base in range(3):
        await house.push(base)
    await house.server.registry.delete("flights")
    model = house.server.catalogue.find("flights")
    assert model is not None
    assert await house.housekeeping.tidy(model) == 0
    house.clock.now_ns += 8 * 24 * 3600 * SECOND

    assert await house.housekeeping.tidy(model) == 3

    info, opened = await house.server.registry.register(SPEC)
    assert opened
    assert [line.number for line in info.lines] == [2]
    session, opening = await house.server.sessions.open("flights", 2, "t")
    house.units, house.epoch = Units(), opening.epoch
    assert await house.push(0, line=2) == 4
    with pytest.raises(NotFound):
        await house.server.pulls.pull(PullWanted("flights", version=3))
    assert verify(house.server.store).versions == 1
    house.server.sessions.close(session)


async def test_events_stay_until_a_version_contains_them_and_their_time_is_over(
    house: House, tmp_path: Path
) -> None:
    log = EmbeddedEventLog(tmp_path / "events.sqlite", clock=house.clock)
    await log.append("flights", Stream.EXAMPLES, [NewEvent("", b"%d" % n) for n in range(10)])
    push = a_push(
        house.units,
        base=0,
        epoch=house.epoch,
        serving=SideDelta({0: b"a"}),
        positions={Stream.EXAMPLES: {0: 6}},
    )

    async def first_kept() -> int:
        for start in range(11):
            try:
                async for batch in log.read("flights", Stream.EXAMPLES, {0: start}, follow=False):
                    return batch[0].offset
            except NotFound:
                continue
        return -1

    house.clock.now_ns += 8 * 24 * 3600 * SECOND
    await house.housekeeping.expire_events(log)
    assert await first_kept() == 0
    await house.server.pushes.push(push)
    await house.housekeeping.expire_events(log)
    assert await first_kept() == 6
    await log.close()


async def test_old_events_move_into_history_until_their_time_is_over_there_too(
    house: House, tmp_path: Path
) -> None:
    log = EmbeddedEventLog(tmp_path / "events.sqlite", clock=house.clock)
    house.housekeeping._policy = replace(house.housekeeping._policy, history_s=30 * 24 * 3600.0)
    streams = (Stream.EXAMPLES, Stream.LABELS, Stream.DEAD_LETTERS)
    for stream in streams:
        await log.append("flights", stream, [NewEvent("", b"%d" % n) for n in range(10)])
    push = a_push(
        house.units,
        base=0,
        epoch=house.epoch,
        serving=SideDelta({0: b"a"}),
        positions={Stream.EXAMPLES: {0: 6}},
    )
    await house.server.pushes.push(push)

    async def kept(stream: Stream) -> list[int]:
        reading = log.read("flights", stream, {}, follow=False)
        return [event.offset async for batch in reading for event in batch]

    house.clock.now_ns += 8 * 24 * 3600 * SECOND
    await house.housekeeping.expire_events(log)
    assert [await kept(stream) for stream in streams] == [list(range(10)), list(range(10)), []]
    assert [file.end for file in log.history.everything()] == [6, 10]
    house.clock.now_ns += 23 * 24 * 3600 * SECOND
    await house.housekeeping.expire_events(log)
    assert [await kept(stream) for stream in streams] == [[6, 7, 8, 9], [], []]
    assert log.history.total_bytes() == 0
    await log.close()


async def test_events_that_wait_for_a_file_go_as_well_once_their_time_is_over(
    house: House, tmp_path: Path
) -> None:
    log = EmbeddedEventLog(tmp_path / "events.sqlite", clock=house.clock)
    hour = 3600.0
    house.housekeeping._policy = replace(house.housekeeping._policy, events_s=hour, history_s=2 * hour)
    await log.append("flights", Stream.LABELS, [NewEvent("", b"%d" % n) for n in range(10)])

    house.clock.now_ns += int(1.5 * hour) * SECOND
    await house.housekeeping.expire_events(log)
    waiting = [event async for event in log.read("flights", Stream.LABELS, {}, follow=False)]
    house.clock.now_ns += int(hour) * SECOND
    await house.housekeeping.expire_events(log)

    assert len(waiting) == 1
    assert [event async for event in log.read("flights", Stream.LABELS, {}, follow=False)] == []
    assert log.history.total_bytes() == 0
    await log.close()


async def test_a_file_that_another_version_names_too_stays(house: House) -> None:
    # One large unit that goes back and forth: every other version's body is the same bytes, in one file.
    payloads = os.urandom(100_000), os.urandom(100_000)
    for base in range(6):
        serving = SideDelta({0: payloads[base % 2]})
        push = a_push(house.units, base=base, epoch=house.epoch, serving=serving)
        house.clock.now_ns += 700 * SECOND
        await house.server.pushes.push(push)
        house.states[base + 1] = dict(house.units.serving)

    house.clock.now_ns += 2 * 24 * 3600 * SECOND
    assert await house.tidy() > 0

    await house.check_everything_kept()
    assert verify(house.server.store).removed_files == 0


async def test_time_travel_reaches_every_version_that_is_kept(house: House) -> None:
    for base in range(12):
        await house.push(base)
    made = {one.manifest.version: one.manifest.created_ns for one in await house.listed()}
    house.clock.now_ns += 3600 * SECOND
    await house.tidy()
    kept = await house.kept()
    gone = sorted(made.keys() - set(kept))
    steering = house.server.steering

    for version in kept:
        channel, _ = await steering.set_channel("flights", "live", ChannelWish(hold_version=version))
        assert channel.version == version
    for version in gone[3:]:
        wish = ChannelWish(hold_before_ns=made[version])
        channel, _ = await steering.set_channel("flights", "live", wish)
        assert channel.version == max(other for other in kept if other < version)
    assert gone
    with pytest.raises(NotFound):
        await steering.set_channel("flights", "live", ChannelWish(hold_version=gone[0]))


async def test_only_so_many_dead_letters_stay_and_the_oldest_go_first(house: House, tmp_path: Path) -> None:
    log = EmbeddedEventLog(tmp_path / "letters.db")
    letters = [NewEvent(f"dlq:examples:{n}", b"{}") for n in range(12)]
    await log.append("flights", Stream.DEAD_LETTERS, letters)

    await house.housekeeping.cap_dead_letters(log)

    reading = log.read("flights", Stream.DEAD_LETTERS, {}, follow=False)
    assert [event.offset async for batch in reading for event in batch] == list(range(4, 12))
    await log.close()
