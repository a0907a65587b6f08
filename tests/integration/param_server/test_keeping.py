"""Why each version is kept, and what it costs: over a real store, with a clock of the test's own."""

from __future__ import annotations

from riverrun_param_server.channel_targets import ChannelWish
from riverrun_param_server.readers import Report

from tests.integration.param_server.house import SECOND, House

DAY_S = 86_400


async def reasons(house: House) -> dict[int, tuple[str, ...]]:
    listed = await house.server.keeping.listed("flights", 1000, 0)
    return {kept.manifest.version: kept.reasons for kept in listed}


async def test_versions_are_kept_for_their_users_and_by_their_age(house: House) -> None:
    house.clock.now_ns -= house.clock.now_ns % (3600 * SECOND)
    for base in range(8):
        await house.push(base, every_s=10)
    steering = house.server.steering
    await steering.set_channel("flights", "frozen", ChannelWish(hold_version=3))
    await steering.set_channel("flights", "live", ChannelWish(hold_version=5), mark_good=True)
    await steering.set_channel("flights", "live", ChannelWish(follow=True))
    house.server.readers.connect(1, "pod-a", "")
    house.server.readers.report(1, Report("flights", "live", version=4, generation=1))

    at_once = await reasons(house)
    house.clock.now_ns += 3600 * SECOND
    minutes = await reasons(house)
    house.clock.now_ns += 2 * DAY_S * SECOND
    hours = await reasons(house)
    house.clock.now_ns += 60 * DAY_S * SECOND
    at_last = await reasons(house)

    users = {
        3: ("channel frozen",),
        4: ("reader pod-a",),
        5: ("good",),
        8: ("channel live", "line 1", "newest"),
    }
    nobody: tuple[str, ...] = ()
    everything = range(1, 9)
    assert at_once == {v: (*users.get(v, nobody), "recent") for v in everything}
    # Five of the first minute, the last at its 50th second.
    kept = {5, 8}
    assert minutes == {v: (*users.get(v, nobody), *(["minute"] if v in kept else [])) for v in everything}
    assert hours == {v: (*users.get(v, nobody), *(["hour"] if v == 8 else [])) for v in everything}
    assert at_last == {v: users.get(v, nobody) for v in everything}
    await house.tidy()
    assert await house.kept() == sorted(users)


async def test_pages_say_the_same_as_the_whole(house: House) -> None:
    for base in range(30):
        await house.push(base, every_s=7)
    house.clock.now_ns += 3600 * SECOND
    whole = await house.server.keeping.listed("flights", 1000, 0)

    paged = []
    while page := await house.server.keeping.listed("flights", 4, paged[-1].manifest.version if paged else 0):
        paged += page

    assert paged == whole
    assert any(not kept.reasons for kept in whole)


async def test_bytes_are_those_on_disk(house: House) -> None:
    for base in range(3):
        await house.push(base, size=100_000)
    first, *others = reversed(await house.server.keeping.listed("flights", 1000, 0))
    files = sum(path.stat().st_size for path in (house.server.store.folder / "bodies").glob("*/*"))

    assert first.delta_bytes == 0
    assert first.snapshot_bytes > 100_000
    assert all(kept.delta_bytes > 100_000 and kept.snapshot_bytes == 0 for kept in others)
    assert first.snapshot_bytes + sum(kept.delta_bytes for kept in others) == files


async def test_what_a_line_started_from_is_kept_for_it(house: House) -> None:
    for base in range(4):
        await house.push(base)
    await house.server.steering.reset("flights", 2, replay=True)

    assert (await reasons(house))[2] == ("channel live", "line 2", "recent")

    session, opening = await house.server.sessions.open("flights", 2, "t")
    house.epoch, house.units.serving = opening.epoch, dict(house.states[2])
    house.units.trainer = {1_000_000: b"1"}
    await house.push(2, line=2)
    house.clock.now_ns += 60 * DAY_S * SECOND

    assert (await reasons(house))[2] == ("start of line 2",)
    house.server.sessions.close(session)
