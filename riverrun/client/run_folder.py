"""The run folder: which processes `riverrun up` runs on this machine, on which ports, with which logs."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from riverrun.core.errors import AlreadyExists

ServiceName = Literal["param-server", "trainer", "serving", "retrain"]

DEFAULT_DATA = Path("riverrun-data")


class ServiceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One running process. `ports` has grpc and http for the param-server, http for the trainer, rest and
    grpc for serving. `started` is RFC 3339; a restarted process keeps its ports and has a new `pid`. A
    retrain is of `model`, and its `index` is its line; it has http."""

    service: ServiceName
    index: int
    pid: int
    ports: Mapping[str, int]
    log: str
    started: str
    model: str = ""

    @property
    def name(self) -> str:
        """What people call the process: ``param-server``, ``trainer``, ``serving-0``, ``retrain-fraud-2``."""
        return service_label(self.service, self.index, self.model)

    @property
    def is_running(self) -> bool:
        """Whether a process with this id exists now."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


def service_label(service: ServiceName, index: int, model: str = "") -> str:
    """The name of process `index` of `service`, of `model` where it is of one, which names its files too."""
    match service:
        case "serving":
            return f"serving-{index}"
        case "retrain":
            return f"retrain-{model}-{index}"
    return service


class RunFolder:
    """``<data>/run``. Records are replaced in one step, so that a reader never sees half of one."""

    def __init__(self, data: Path) -> None:
        self.path = data / "run"

    def log_path(self, label: str) -> Path:
        """Where the process called `label` logs to."""
        return self.path / f"{label}.log"

    def write(self, record: ServiceRecord) -> None:
        """Keep `record`, in place of what was known of the same process."""
        self.path.mkdir(parents=True, exist_ok=True)
        target = self.path / f"{record.name}.json"
        fresh = target.with_suffix(".json.new")
        fresh.write_bytes(msgspec.json.format(msgspec.json.encode(record)) + b"\n")
        fresh.replace(target)

    def clear(self, labels: Sequence[str]) -> None:
        """Forget all records of a former run, and put its logs of `labels` aside as ``.previous.log``."""
        self.path.mkdir(parents=True, exist_ok=True)
        for path in self.path.glob("*.json"):
            path.unlink()
        for label in labels:
            with contextlib.suppress(FileNotFoundError):
                self.log_path(label).replace(self.path / f"{label}.previous.log")

    def remove(self, label: str) -> None:
        """Forget the process called `label`; its log stays."""
        (self.path / f"{label}.json").unlink(missing_ok=True)

    def read(self) -> list[ServiceRecord]:
        """All records, serving last; empty where nothing runs. A file that is no record is passed over."""
        records = []
        for path in sorted(self.path.glob("*.json")):
            with contextlib.suppress(OSError, msgspec.DecodeError):
                records.append(msgspec.json.decode(path.read_bytes(), type=ServiceRecord))
        return sorted(records, key=lambda record: (record.service, record.index))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only supervisor of this folder while the block runs; the kernel drops the lock with the
        process. Raises `AlreadyExists` naming the process that has it."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                owner = file.read(32).strip() or "unknown"
                name = f"{self.path.parent} (process {owner})"
                raise AlreadyExists("a riverrun up on the data folder", name) from None
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            yield
