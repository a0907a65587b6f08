"""The supervisor over stand-in processes: order of the stop, bounds, services that cannot start or hang."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from riverrun.cli.up import supervisor as supervising
from riverrun.cli.up.services import Service
from riverrun.cli.up.supervisor import Supervisor
from riverrun.client.run_folder import RunFolder, ServiceName
from riverrun.core.errors import Unavailable
from tests.stacks import is_running

ROOT = Path(__file__).resolve().parents[3]

Said = list[tuple[str, str]]


class Bench:
    """Makes supervisors over stand-in services."""

    def __init__(self, folder: Path, free_ports: Callable[[int], list[int]]) -> None:
        self.folder = RunFolder(folder)
        self.folder.clear([])
        self.diary = folder / "diary"
        self.said: Said = []
        self._free_ports = free_ports

    def service(self, service: ServiceName, kind: str = "steady", index: int = 0) -> Service:
        [port] = self._free_ports(1)
        label = f"serving-{index}" if service == "serving" else service
        environment = {
            "STAND_IN_PORT": str(port),
            "STAND_IN_KIND": kind,
            "STAND_IN_DIARY": str(self.diary),
            "STAND_IN_NAME": label,
            "PYTHONPATH": str(ROOT),
        }
        module = "tests.integration.up.stand_in_service"
        return Service(service, index, module, environment, {"http": port}, f"http://127.0.0.1:{port}")

    def supervisor(self, *services: Service) -> Supervisor:
        return Supervisor(services, self.folder, lambda label, what: self.said.append((label, what)))

    def stopped_in_order(self) -> list[str]:
        return [line.split()[0] for line in self.diary.read_text().splitlines()]


@pytest.fixture
def bench(tmp_path: Path, free_ports: Callable[[int], list[int]]) -> Bench:
    return Bench(tmp_path, free_ports)


async def until_ready(supervisor: Supervisor, *services: Service) -> None:
    async with asyncio.timeout(60):
        for service in services or supervisor.services:
            while await supervisor.why_not_ready(service):
                await asyncio.sleep(0.02)


async def until(check: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not check():
            await asyncio.sleep(0.02)


async def test_serving_is_stopped_first_and_the_parameter_server_last(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "STOP_S", dict.fromkeys(supervising.STOP_S, 60.0))
    services = [bench.service("param-server"), bench.service("trainer")]
    services += [bench.service("serving", index=index) for index in (0, 1)]
    supervisor = bench.supervisor(*services)

    async with supervisor.running():
        await until_ready(supervisor)
        running = [record.pid for record in bench.folder.read()]
        assert len(running) == 4

    order = bench.stopped_in_order()
    assert sorted(order[:2]) == ["serving-0", "serving-1"]
    assert order[2:] == ["trainer", "param-server"]
    assert not any(map(is_running, running))
    assert bench.folder.read() == []
    assert bench.said == []


async def test_a_service_that_cannot_start_ends_the_stack_with_its_last_words(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow this machine is, no start of it was a good one; and the other has time to note its end.
    monkeypatch.setattr(supervising, "STEADY_S", 600.0)
    monkeypatch.setattr(supervising, "STOP_S", dict.fromkeys(supervising.STOP_S, 60.0))
    steady = bench.service("param-server")
    supervisor = bench.supervisor(steady, bench.service("trainer", "crash"))

    async with supervisor.running() as watching:
        with pytest.raises(Unavailable, match=r"trainer is unavailable: ended 4 times.*the disk is on fire"):
            await asyncio.wait_for(watching, 60)
        await until_ready(supervisor, steady)

    delays = [what.rpartition("starts again in ")[2] for label, what in bench.said if label == "trainer"]
    assert delays == ["0.2 s", "0.4 s", "0.8 s"]
    assert bench.stopped_in_order() == ["param-server"]


async def test_a_service_that_does_not_hear_is_killed_after_its_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(supervising.STOP_S, "trainer", 0.3)
    supervisor = bench.supervisor(bench.service("param-server"), bench.service("trainer", "deaf"))

    async with supervisor.running():
        await until_ready(supervisor)
        running = [record.pid for record in bench.folder.read()]

    assert ("trainer", "did not end in time and was killed") in bench.said
    assert not any(map(is_running, running))


async def test_a_second_signal_waits_for_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervising, "STOP_S", dict.fromkeys(supervising.STOP_S, 600.0))
    supervisor = bench.supervisor(bench.service("serving", "deaf"), bench.service("trainer", "deaf"))

    async with supervisor.running():
        await until_ready(supervisor)
        begun = time.monotonic()
        supervisor.hurry()

    assert time.monotonic() - begun < 60


async def test_a_service_that_says_it_does_not_work_on_is_killed_and_starts_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "CHECK_EVERY_S", 0.05)
    supervisor = bench.supervisor(bench.service("trainer", "stuck"))

    async with supervisor.running():
        await until(bench.folder.read)
        [first] = bench.folder.read()
        await until(lambda: bench.folder.read()[0].pid != first.pid)
        [second] = bench.folder.read()

    assert ("trainer", "says that it does not work on; killing it") in bench.said
    assert second.ports == first.ports


async def test_a_trainer_that_hangs_before_it_ever_answered_is_killed_and_starts_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "CHECK_EVERY_S", 0.05)
    monkeypatch.setattr(supervising, "CHECK_TIMEOUT_S", 0.2)
    monkeypatch.setattr(supervising, "SILENT_S", 0.5)
    monkeypatch.setitem(supervising.START_S, "trainer", 1.0)
    supervisor = bench.supervisor(bench.service("trainer", "mute"))

    async with supervisor.running():
        await until(bench.folder.read)
        [first] = bench.folder.read()
        await until(lambda: bench.folder.read()[0].pid != first.pid)

    assert ("trainer", "said nothing for 0.5 s; killing it") in bench.said


async def test_a_service_that_falls_silent_is_killed_and_starts_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "CHECK_EVERY_S", 0.05)
    monkeypatch.setattr(supervising, "CHECK_TIMEOUT_S", 0.2)
    monkeypatch.setattr(supervising, "SILENT_S", 0.5)
    supervisor = bench.supervisor(bench.service("trainer"))
    answers: list[bool] = []
    asked = supervisor.is_live

    async def is_live(service: Service) -> bool | None:
        found = await asked(service)
        answers.extend([found] if found else [])
        return found

    monkeypatch.setattr(supervisor, "is_live", is_live)

    async with supervisor.running():
        # From its first answer to the check on, silence counts.
        await until(lambda: answers)
        [first] = bench.folder.read()
        # On a machine that stood still it may have been silent by itself.
        with contextlib.suppress(ProcessLookupError):
            os.kill(first.pid, signal.SIGSTOP)
        await until(lambda: bench.folder.read()[0].pid != first.pid)

    assert ("trainer", "said nothing for 0.5 s; killing it") in bench.said
