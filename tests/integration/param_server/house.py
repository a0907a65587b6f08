"""A parameter server's parts over a real store, with a clock of the test's own, and what it keeps checked."""

from __future__ import annotations

import os
from dataclasses import dataclass

from riverrun_param_server.housekeeping import Housekeeping
from riverrun_param_server.param_server import ParamServer
from riverrun_param_server.pulls import PullWanted

from riverrun.codec.wire import decode_side
from riverrun.core.digest import HashTree
from riverrun.core.units import SideDelta
from riverrun.core.versions import KeptVersion
from tests.integration.param_server.param_stack import Units, a_push

SECOND = 10**9


class OwnClock:
    """Time as the test says."""

    def __init__(self) -> None:
        self.now_ns = 1_700_000_000 * SECOND

    def wall_ns(self) -> int:
        return self.now_ns

    def monotonic(self) -> float:
        return self.now_ns / SECOND


@dataclass
class House:
    server: ParamServer
    clock: OwnClock
    housekeeping: Housekeeping
    units: Units
    epoch: int
    states: dict[int, dict[int, bytes]]

    async def push(self, base: int, *, line: int = 1, size: int = 100, every_s: float = 20.0) -> int:
        self.clock.now_ns += int(every_s * SECOND)
        serving = SideDelta({base % 9: os.urandom(size), 100 + base: b"new"}, frozenset({98 + base}))
        trainer = SideDelta({1_000_000: b"%d" % base})
        push = a_push(self.units, base=base, epoch=self.epoch, line=line, serving=serving, trainer=trainer)
        version = (await self.server.pushes.push(push)).version
        self.states[version] = dict(self.units.serving)
        return version

    async def tidy(self) -> int:
        return await self.housekeeping.tidy(self.server.catalogue.get("flights"))

    async def kept(self) -> list[int]:
        return [kept.manifest.version for kept in await self.listed()]

    async def listed(self) -> list[KeptVersion]:
        """All versions, oldest first, with what is kept of each."""
        found: list[KeptVersion] = []
        while page := await self.server.keeping.listed(
            "flights", 1000, found[-1].manifest.version if found else 0
        ):
            found += page
        return found[::-1]

    async def check_everything_kept(self, every: int = 1) -> None:
        """Every version that stays can be had, whole and from each one before it, with its own units.

        `every` third, say, where there are many.
        """
        kept = (await self.kept())[::every]
        for i, version in enumerate(kept):
            for have in [0, *kept[:i]]:
                answer = await self.server.pulls.pull(
                    PullWanted("flights", version=version, have=have, trainer_state=True)
                )
                units = decode_side(answer.serving, max_bytes=1 << 24).apply(
                    self.states[answer.base] if answer.base else {}
                )
                assert units == self.states[version], (version, have)
                assert HashTree(units).root == answer.manifest.serving_root
