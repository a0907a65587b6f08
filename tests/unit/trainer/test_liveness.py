"""A trainer lives while each of its learning loops moves."""

import asyncio
from types import SimpleNamespace

from riverrun_trainer.line_context import Surroundings
from riverrun_trainer.trainer import Trainer

from riverrun.runtime.lifecycle import Stop


class SetClock:
    now_s = 1000.0

    def wall_ns(self) -> int:
        return int(self.now_s * 1e9)

    def monotonic(self) -> float:
        return self.now_s


async def trainer_with(*ticked_s: float | None) -> Trainer:
    around = Surroundings(client=None, event_log=None, stop=Stop(), trainer_id="t", clock=SetClock())
    trainer = Trainer(around, (), drain_s=1.0)
    for number, ticked in enumerate(ticked_s):
        task = asyncio.create_task(asyncio.sleep(0))
        await task
        trainer._lines[("toy", number)] = (SimpleNamespace(ticked_s=ticked), task)
    return trainer


async def test_without_lines_or_as_a_standby_a_trainer_is_alive():
    assert (await trainer_with()).is_alive(30.0)
    assert (await trainer_with(None)).is_alive(30.0)


async def test_one_loop_that_stands_still_is_enough_to_be_dead():
    assert (await trainer_with(970.0, 1000.0, None)).is_alive(30.0)
    assert not (await trainer_with(969.9, 1000.0, None)).is_alive(30.0)
