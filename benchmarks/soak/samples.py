"""What the stack takes of its machine, and how it does, at one moment."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.processes import cpu_seconds
from benchmarks.soak.stack import UpStack
from benchmarks.soak.subjects import SUBJECTS
from benchmarks.soak.traffic import Record

Sample = dict[str, Any]
"""One line of the record: `at_s`, `processes`, `disk`, `latency_ms`, `freshness_ms`, `counts`."""


async def sample(at_s: float, stack: UpStack, record: Record) -> Sample:
    """Everything now; a process that is just being started again is left out."""
    processes = {}
    for name, service in stack.records().items():
        try:
            processes[name] = process_usage(service.pid)
        except (FileNotFoundError, ProcessLookupError, KeyError):
            continue
    return {
        "at_s": round(at_s, 1),
        "load": os.getloadavg()[0],
        "processes": processes,
        "disk": await asyncio.to_thread(disk_bytes, stack.data),
        "latency_ms": record.take_latencies(),
        "freshness_ms": await freshness_ms(stack),
        "counts": dict(record.counts),
    }


def process_usage(pid: int) -> dict[str, Any]:
    """Memory in bytes, threads, open files with sockets, and seconds of CPU of the process `pid`."""
    folder = Path(f"/proc/{pid}")
    said = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    return {
        "pid": pid,
        "rss": int(said["VmRSS"].split()[0]) << 10,
        "threads": int(said["Threads"]),
        "files": len(list((folder / "fd").iterdir())),
        "cpu_s": cpu_seconds([pid]),
    }


def disk_bytes(data: Path) -> Mapping[str, int]:
    """Bytes that the data folder takes of the disk: versions, events, pods' copies, logs."""
    found = {"versions": 0, "events": 0, "copies": 0, "logs": 0}
    for folder, _, names in os.walk(data):
        for name in names:
            path = Path(folder, name)
            try:
                size = path.stat().st_blocks * 512
            except FileNotFoundError:
                continue
            found[_part(path.relative_to(data))] += size
    return found


def _part(path: Path) -> str:
    if path.parts[0] == "run":
        return "logs"
    if path.parts[0] != "param-server":
        return "copies"
    return "events" if path.name.startswith("events") else "versions"


async def freshness_ms(stack: UpStack) -> dict[str, dict[str, float]]:
    """By model: p50 and p99 of the last thousand swaps of the first serving process."""
    port = stack.serving_ports("rest")[0]
    found = {}
    async with httpx2.AsyncClient(timeout=5) as client:
        for subject in SUBJECTS:
            try:
                answer = await client.get(f"http://127.0.0.1:{port}/v1/models/{subject.name}")
            except httpx2.HTTPError:
                continue
            found[subject.name] = answer.json()["channels"]["live"]["freshness_ms"]
    return found
