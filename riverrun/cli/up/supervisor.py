"""Keeps the processes of a stack running, and ends them in order."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import httpx2

from riverrun.cli.up.process import Process, describe_exit, start
from riverrun.cli.up.services import Service
from riverrun.client.run_folder import RunFolder, ServiceRecord
from riverrun.core.errors import Unavailable

STEADY_S = 5.0
"""A process that ran this long had started well; one that ends sooner is started again more slowly."""

FIRST_DELAY_S = 0.2
MAX_DELAY_S = 10.0

GIVE_UP_AFTER = 4
"""Starts in a row of a service that was never ready, after which `up` ends: something is set up wrong."""

STOP_S = {"serving": 3.0, "trainer": 2.5, "retrain": 2.5, "param-server": 4.0}
"""What a process has between SIGTERM and SIGKILL; together below ten seconds."""

CHECK_EVERY_S = 5.0
CHECK_TIMEOUT_S = 2.0
SILENT_S = 30.0
"""A process that says nothing for this long after it answered is killed (DECISIONS 25). One that says
itself that it does not work on is killed at once: it waited as long before it said so."""

START_S = {"serving": 60.0, "trainer": 60.0, "retrain": 60.0}
"""What a service has from its start until silence counts: a trainer may hang at the first event it takes. The
parameter server proves its store before it answers, which takes as long as the store is large."""


class Supervisor:
    """Runs the processes of one stack while its block runs."""

    def __init__(
        self, services: Sequence[Service], folder: RunFolder, say: Callable[[str, str], None]
    ) -> None:
        """`say` is told (label, sentence) of everything that happens to a process."""
        self.services = services
        self._folder = folder
        self._say = say
        self._retrains: dict[str, Service] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._processes: dict[str, Process] = {}
        self._ready_once: set[str] = set()
        self._hurry = asyncio.Event()
        # No kept connections: one to a process that was killed would fail the first check of the next.
        self._http = httpx2.AsyncClient(
            timeout=CHECK_TIMEOUT_S, trust_env=False, limits=httpx2.Limits(max_keepalive_connections=0)
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        """Start everything; when the block ends, end everything, serving first.

        The task given ends only by an error: `Unavailable` when a service cannot be started at all.
        """
        async with self._http:
            watching = asyncio.create_task(self._run_all(), name="supervisor")
            try:
                yield watching
            finally:
                # First, so that nothing is started again; a start in progress undoes itself.
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
                await self._stop_all()

    def run_retrain(self, service: Service) -> None:
        """Keep the process of a retrain running until it has done its work; nothing where it runs already."""
        if self._tasks is None or service.label in self._retrains:
            return
        self._retrains[service.label] = service
        self._say(service.label, f"starts, to learn {service.model} anew")
        self._tasks.create_task(self._run_to_its_end(service), name=service.label)

    def runs(self, label: str) -> bool:
        """Whether the retrain called `label` is kept running."""
        return label in self._retrains

    def let_go(self, label: str) -> None:
        """The retrain called `label` is over: its process ends, and is not started again."""
        self._retrains.pop(label, None)

    def hurry(self) -> None:
        """Kill what still runs, for a second Ctrl-C."""
        self._hurry.set()

    async def why_not_ready(self, service: Service) -> str:
        """Why `service` cannot be used yet, in words; empty when it can. Never raises."""
        try:
            answer = await self._http.get(f"{service.health}/readyz")
        except httpx2.HTTPError as error:
            return f"does not answer ({type(error).__name__})"
        if answer.status_code == 200:
            self._ready_once.add(service.label)
            return ""
        try:
            return str(answer.json()["reason"])
        except (ValueError, KeyError, TypeError):
            return f"answers {answer.status_code}"

    async def why_no_model(self, service: Service, model: str) -> str:
        """Why the serving process `service` does not answer for `model` yet; empty when it does."""
        try:
            answer = await self._http.get(f"{service.health}/v2/models/{model}/ready")
        except httpx2.HTTPError as error:
            return f"does not answer ({type(error).__name__})"
        return "" if answer.status_code == 200 else f"has no weights of {model} yet"

    async def is_live(self, service: Service) -> bool | None:
        """Whether `service` says that it works on; None when it says nothing. Never raises."""
        try:
            return (await self._http.get(f"{service.health}/livez")).status_code == 200
        except httpx2.HTTPError:
            return None

    async def _run_all(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                for service in self.services:
                    tasks.create_task(self._keep_running(service), name=service.label)
                    tasks.create_task(self._kill_when_dead(service), name=f"{service.label} check")
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _run_to_its_end(self, service: Service) -> None:
        check = asyncio.create_task(self._kill_when_dead(service))
        try:
            await self._keep_running(service)
        finally:
            check.cancel()
        self._retrains.pop(service.label, None)
        self._folder.remove(service.label)
        self._say(service.label, "has ended")

    async def _keep_running(self, service: Service) -> None:
        loop = asyncio.get_running_loop()
        log = self._folder.log_path(service.label)
        quick = 0
        while True:
            process = await start(service, log)
            self._processes[service.label] = process
            self._folder.write(_record(service, process, str(log)))
            started_at = loop.time()
            status = await process.wait()
            del self._processes[service.label]
            ran_s = loop.time() - started_at
            quick = 0 if ran_s >= STEADY_S else quick + 1
            how = describe_exit(status)
            if service.model and (status == 0 or service.label not in self._retrains):
                return
            if quick >= GIVE_UP_AFTER and service.label not in self._ready_once and not service.model:
                said = _last_line(log)
                raise Unavailable(
                    service.label, f"ended {quick} times at its start ({how}): {said}; see {log}"
                )
            delay_s = min(FIRST_DELAY_S * 2 ** max(0, quick - 1), MAX_DELAY_S)
            self._say(service.label, f"ended after {ran_s:.1f} s ({how}); starts again in {delay_s:g} s")
            await asyncio.sleep(delay_s)

    async def _kill_when_dead(self, service: Service) -> None:
        loop = asyncio.get_running_loop()
        watched: Process | None = None
        answered_at: float | None = None
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            process = self._processes.get(service.label)
            if process is not watched:
                watched = process
                start_s = START_S.get(service.service)
                answered_at = None if start_s is None else loop.time() + start_s - SILENT_S
            live = await self.is_live(service)
            if process is None or self._processes.get(service.label) is not process:
                continue
            if live is not None:
                answered_at = loop.time()
            if live is False:
                why = "says that it does not work on"
            elif live is None and answered_at is not None and loop.time() - answered_at > SILENT_S:
                why = f"said nothing for {SILENT_S:g} s"
            else:
                continue
            self._say(service.label, f"{why}; killing it")
            process.signal(signal.SIGKILL)

    async def _stop_all(self) -> None:
        services = [*self.services, *self._retrains.values()]
        for kinds in (("serving",), ("trainer", "retrain"), ("param-server",)):
            running = [s for s in services if s.service in kinds and s.label in self._processes]
            await asyncio.gather(*(self._stop(service) for service in running))
        for service in services:
            self._folder.remove(service.label)

    async def _stop(self, service: Service) -> None:
        process = self._processes[service.label]
        hurried = asyncio.create_task(self._hurry.wait())
        stopped = asyncio.create_task(process.stop(STOP_S[service.service]))
        await asyncio.wait([hurried, stopped], return_when=asyncio.FIRST_COMPLETED)
        if not stopped.done():
            process.signal(signal.SIGKILL)
        if not await stopped:
            self._say(service.label, "did not end in time and was killed")
        hurried.cancel()


def _record(service: Service, process: Process, log: str) -> ServiceRecord:
    return ServiceRecord(
        service=service.service,
        index=service.index,
        pid=process.pid,
        ports=service.ports,
        log=log,
        started=datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
        model=service.model,
    )


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace")[-4096:].splitlines()]
    return next((line[:300] for line in reversed(lines) if line), "it said nothing")
