"""A month of versions, with a clock of the test's own: what DECISIONS 4 says is kept, and nothing more."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from riverrun_param_server.channel_targets import ChannelWish
from riverrun_param_server.recovery import verify
from riverrun_param_server.settings import ParamServerSettings

from tests.integration.param_server.house import SECOND, House

MEMORY = Path("/dev/shm")
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[ParamServerSettings]:
    """A data folder in memory where there is one: thousands of fsyncs would take a disk a minute."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else tmp_path) as folder:
        yield ParamServerSettings(port=0, http_port=0, data=Path(folder))


@pytest.mark.parametrize(
    ("days", "per_hour", "per_minute"), [(31, 2, 2), pytest.param(33, 12, 12, marks=pytest.mark.full)]
)
async def test_everything_then_a_version_a_minute_then_one_an_hour(
    house: House, days: int, per_hour: int, per_minute: int
) -> None:
    start_ns = house.clock.now_ns
    created: dict[int, int] = {}

    async def learn(duration_s: int, every_s: float, tidy_every_s: int) -> None:
        due_s = 0.0
        for _ in range(int(duration_s / every_s)):
            version = await house.push(len(created), size=2000, every_s=every_s)
            created[version] = house.clock.now_ns
            due_s += every_s
            if due_s >= tidy_every_s:
                due_s = 0
                await house.tidy()

    await learn(HOUR_S, HOUR_S / per_hour, DAY_S)
    await house.server.steering.set_channel("flights", "frozen", ChannelWish(hold_version=2))
    await learn((days - 1) * DAY_S - HOUR_S, HOUR_S / per_hour, DAY_S)
    await learn(DAY_S - HOUR_S, HOUR_S / per_hour, 4 * HOUR_S)
    await learn(HOUR_S, MINUTE_S / per_minute, 5 * MINUTE_S)
    await house.tidy()

    kept = await house.kept()
    now_ns = house.clock.now_ns
    ages_s = {version: (now_ns - created[version]) / SECOND for version in kept}
    recent = {version for version in created if now_ns - created[version] <= 600 * SECOND}
    assert recent <= set(kept)
    by_minute = Counter(created[v] // (MINUTE_S * SECOND) for v in kept if 600 < ages_s[v] <= DAY_S)
    by_hour = Counter(created[v] // (HOUR_S * SECOND) for v in kept if DAY_S < ages_s[v] <= 30 * DAY_S)
    assert set(by_minute.values()) == set(by_hour.values()) == {1}
    # Each minute and each hour that had a version has one still.
    middle = {v for v in created if 600 * SECOND < now_ns - created[v] <= DAY_S * SECOND}
    assert by_minute.keys() == {created[v] // (MINUTE_S * SECOND) for v in middle}
    assert len(by_hour) in (29 * 24, 29 * 24 + 1)
    assert [v for v in kept if ages_s[v] > 30 * DAY_S] == [2]
    assert now_ns - start_ns == days * DAY_S * SECOND
    await house.check_everything_kept(every=len(kept) // 12)
    # What is kept of a version costs no more than its whole state, or twice that where it is recent; and
    # nothing is left of those that went.
    listed = await house.listed()
    state_bytes = 9 * 2100 + 200
    assert all(one.delta_bytes + one.snapshot_bytes <= 2 * state_bytes for one in listed)
    for one in listed:
        if ages_s[one.manifest.version] > DAY_S:
            assert one.delta_bytes + one.snapshot_bytes > 0
            assert not one.snapshot_bytes or one.delta_bytes < one.snapshot_bytes
    assert verify(house.server.store).versions == len(kept)
