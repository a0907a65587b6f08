"""`riverrun up` as people run it, on free ports, and what lies in its run folder."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2

from benchmarks.processes import python, running, wait_until
from benchmarks.soak.subjects import SUBJECTS
from riverrun.client.run_folder import RunFolder, ServiceRecord

READY_S = 120.0

RETENTION = {
    "RIVERRUN_PARAM_SERVER_KEEP_ALL_S": "60",
    "RIVERRUN_PARAM_SERVER_KEEP_MINUTELY_S": "600",
    "RIVERRUN_PARAM_SERVER_KEEP_HOURLY_S": "3600",
    "RIVERRUN_PARAM_SERVER_KEEP_EVENTS_S": "300",
    "RIVERRUN_PARAM_SERVER_KEEP_HISTORY_S": "900",
}
"""So short that within minutes as much goes as comes."""


class UpStack:
    """A running stack; processes are called ``param-server``, ``trainer``, ``serving-0``."""

    def __init__(self, data: Path, process: subprocess.Popen[bytes]) -> None:
        self.data = data
        self._process = process

    def records(self) -> dict[str, ServiceRecord]:
        """Every process by its name, as of now: one that was started again has another id."""
        return {record.name: record for record in RunFolder(self.data).read()}

    @property
    def server(self) -> str:
        """host:port of the parameter server."""
        return f"127.0.0.1:{self.records()['param-server'].ports['grpc']}"

    def serving_ports(self, kind: str) -> list[int]:
        """Ports of the serving processes: ``rest`` or ``grpc``."""
        return [record.ports[kind] for name, record in sorted(self.records().items()) if "serving" in name]

    def kill(self, name: str) -> None:
        """kill -9; `riverrun up` starts it again."""
        os.kill(self.records()[name].pid, signal.SIGKILL)

    @property
    def ended(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.poll()

    def is_ready(self) -> bool:
        """Whether every process says that it is ready, and every model answers."""
        records = self.records()
        if not records or self.ended is not None:
            return False
        try:
            return all(_is_ready(record) for record in records.values())
        except httpx2.HTTPError:
            return False


def _is_ready(record: ServiceRecord) -> bool:
    port = record.ports.get("rest") or record.ports["http"]
    paths = ["/readyz"]
    if record.service == "serving":
        paths += [f"/v2/models/{subject.name}/ready" for subject in SUBJECTS]
    return all(httpx2.get(f"http://127.0.0.1:{port}{path}", timeout=1).status_code == 200 for path in paths)


@contextmanager
def up(folder: Path, replicas: int, environment: Mapping[str, str] = RETENTION) -> Iterator[UpStack]:
    """`riverrun up` with the subjects' specs, its data in `folder`/data; stopped in the end."""
    specs = []
    for subject in SUBJECTS:
        path = folder / f"{subject.name}.yaml"
        path.write_text(subject.spec)
        specs += ["--file", str(path)]
    data = folder / "data"
    command = [*python("riverrun.cli", "up"), *specs, "--data", str(data), "--rest-port", "0"]
    command += ["--replicas", str(replicas), "--output", "json"]
    with running(command, folder / "up.log", env={**os.environ, **environment}) as process:
        stack = UpStack(data, process)
        wait_until(stack.is_ready, f"a stack that is ready; see {folder / 'up.log'}", READY_S)
        yield stack
