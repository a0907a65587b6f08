"""E1: no code comes from data, by whatever entry it comes in."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from riverrun.codec.wire import encode_side
from riverrun.core.digest import HashTree
from riverrun.core.errors import RiverrunError
from riverrun.core.units import SideDelta
from riverrun.rpc.weights import Push
from tests.fault.harness.answers import MODEL
from tests.fault.harness.bad_versions import Maker
from tests.fault.harness.canaries import payloads
from tests.fault.harness.fake_server import FakeServer
from tests.fault.harness.links import Gone, Link
from tests.fault.harness.mutation import mutated
from tests.fault.harness.pod import Pod
from tests.fault.harness.process import ServiceProcess, Setup
from tests.fault.harness.results import ROOT
from tests.fault.harness.serving_rig import SPEC, Rig
from tests.fault.mutants.audit_patches import VARIABLE
from tests.fault.mutants.table import Mutant, of_row

LEARNED = "learned"
"""A second model, which the real trainer learns: the first one is the hand's."""

FAILURES = "riverrun_serving_swap_failures_total"
WATCHED = "audit_patches:watched"


@dataclass
class Tried:
    """What was sent in, by entry, and what came of it."""

    sent: Counter[str] = field(default_factory=Counter)
    watched: int = 0
    services: Counter[str] = field(default_factory=Counter)
    loads: list[str] = field(default_factory=list)
    canaries: int = 0

    def look(self, folder: Path) -> None:
        """Read what the hooks wrote, and count the canaries."""
        lines = (folder / "audit").read_text().splitlines()
        watching = [line for line in lines if line.startswith("watching ")]
        self.watched = len(watching)
        self.services = Counter(line.split()[-1] for line in watching)
        self.loads = [line for line in lines if not line.startswith("watching ")]
        self.canaries = len(list(folder.glob("canary-*")))

    @property
    def kinds(self) -> set[str]:
        """The problems that came to light."""
        return {line.split()[0] for line in self.loads} | ({"canary"} if self.canaries else set())


async def send_to_store(rig: Rig, found: list[bytes], tried: Tried) -> None:
    """As pushes: a body that is none, and one whose units are the payloads under true roots; and as specs."""
    epoch = rig.trainer._session.opened.epoch
    for number, payload in enumerate(found):
        units = {1: payload, 2: payload}
        for serving in (payload, encode_side(SideDelta(units))):
            push = Push(
                model=MODEL,
                line=1,
                epoch=epoch,
                base_version=rig.trainer.version,
                push_id=f"canary-{number}-{len(serving)}",
                serving=serving,
                trainer=encode_side(SideDelta({3: payload})),
                snapshot=True,
                serving_root=HashTree(units).root,
                trainer_root=HashTree({3: payload}).root,
                next_unit=1000,
            )
            with contextlib.suppress(RiverrunError):
                rig.trainer.version = (await rig.client.push(push)).version
            tried.sent["push"] += 1
        with contextlib.suppress(RiverrunError, UnicodeDecodeError):
            await rig.client.register_model(payload.decode())
        tried.sent["spec"] += 1


async def send_to_pod(pod: Pod, found: list[bytes], tried: Tried) -> None:
    """As bodies and as values of predictions and feedback."""
    link = Link(pod.rest)
    for number, payload in enumerate(found):
        model = LEARNED if number % 2 else MODEL
        text = base64.b64encode(payload).decode()
        rows = {"features": {"rooms": text, "size": payload.decode("latin-1")}}
        labelled = {"features": {"rooms": 1, "size": 2.0}, "label": 3.0, "id": text[:200], "key": text[:100]}
        bodies = [payload, json.dumps(rows).encode(), json.dumps(labelled).encode()]
        for verb in ("predict", "feedback"):
            for body in bodies:
                with contextlib.suppress(Gone):
                    await link.ask("POST", f"/v1/models/{model}:{verb}", body)
                tried.sent["event"] += 1
        with contextlib.suppress(Gone):
            await link.ask("POST", f"/v2/models/{MODEL}/infer", bodies[number % 2])
    link.close()


def fill_cache(cache: Path, found: list[bytes], tried: Tried) -> None:
    """As last-good copies: the payload itself, and within what has its checksum."""
    cache.mkdir()
    whole = msgspec.msgpack.encode({"units": dict(enumerate(found)), "store_id": "x"})
    for number, payload in enumerate([*found, whole]):
        seal = b"riverrun-last-good-1\n" + hashlib.sha256(payload).digest()
        (cache / f"raw-{number}@live.weights").write_bytes(payload)
        (cache / f"sealed-{number}@live.weights").write_bytes(seal + payload)
        tried.sent["cache file"] += 2


def restore_all(folder: Path, found: list[bytes], tried: Tried, environment: dict[str, str]) -> None:
    """As a backup: its list, and a database that has its checksum."""
    for number, payload in enumerate(found):
        backup = folder / f"backup-{number}"
        backup.mkdir()
        (backup / "riverrun.db").write_bytes(payload)
        listed = {"path": "riverrun.db", "size": len(payload), "sha256": hashlib.sha256(payload).hexdigest()}
        contents = {"format": 1, "store_id": "x", "made": "2026-01-01T00:00:00Z", "files": [listed]}
        (backup / "backup.json").write_bytes(payload if number % 2 else json.dumps(contents).encode())
        tried.sent["restore"] += 1
    program = (
        "import pathlib, sys\n"
        "from riverrun_param_server.restore import restore\n"
        "for number in range(int(sys.argv[2])):\n"
        "    try: restore(pathlib.Path(sys.argv[1]) / f'backup-{number}', pathlib.Path(sys.argv[1]) / 'r')\n"
        "    except Exception: pass\n"
    )
    command = [sys.executable, "-c", program, str(folder), str(len(found))]
    subprocess.run(command, env=mutated(environment, WATCHED), check=True)
    shutil.rmtree(folder / "r", ignore_errors=True)


@pytest.mark.row("E1")
async def test_no_payload_runs_by_any_entry(folder: Path, seed: int, figures: dict[str, Any]) -> None:
    found, tried = payloads(folder), Tried()
    audit = {VARIABLE: str(folder / "audit")}
    os.environ[VARIABLE] = audit[VARIABLE]
    try:
        async with Rig(folder, seed, Setup(mutant=WATCHED)).running() as rig:
            settings = {
                "RIVERRUN_TRAINER_PARAM_SERVER": rig.address,
                "RIVERRUN_TRAINER_HTTP_PORT": "0",
                "RIVERRUN_TRAINER_LOG_FORMAT": "json",
            }
            trainer = ServiceProcess("riverrun_trainer", settings, folder / "t.log", Setup(mutant=WATCHED))
            await rig.client.register_model(SPEC.replace(MODEL, LEARNED))
            fill_cache(folder / "cache", found, tried)
            pod = await rig.pod(mutant=WATCHED, CACHE_DIR=str(folder / "cache")).ready()
            try:
                await send_to_pod(pod, found, tried)
                await send_to_store(rig, found, tried)
                await asyncio.to_thread(restore_all, folder, found, tried, dict(os.environ))
                async with asyncio.timeout(120):
                    while not await rig.client.list_versions(LEARNED):
                        await asyncio.sleep(0.1)
                alive = [pod.process.poll(), rig.server.process.poll(), trainer.process.poll()]
                taken = rig.trainer.version - 1
            finally:
                trainer.kill()
    finally:
        del os.environ[VARIABLE]
    tried.look(folder)

    figures |= {
        "payloads": len(found),
        "sent": ", ".join(f"{count} by {entry}" for entry, count in tried.sent.items()),
        "pushes that the server took": taken,
        "processes watched": tried.watched,
        "loads by pickle or marshal": len(tried.loads),
        "canaries": tried.canaries,
    }
    assert (tried.loads, tried.canaries) == ([], 0)
    assert tried.watched == 4
    assert taken
    assert alive == [None, None, None]


WHOLE = ("tests/integration/loop", "tests/integration/up", "tests/integration/cli")
SOME = ("tests/integration/loop/test_rollback.py",)
SERVICES = ("riverrun_param_server", "riverrun_trainer", "riverrun_serving")


@pytest.mark.row("E1")
async def test_no_service_unpickles_anything_in_tests_of_the_whole_stack(
    folder: Path, release: bool, figures: dict[str, Any]
) -> None:
    audit, tried = folder / "audit", Tried()
    audit.touch()
    environment = mutated({**os.environ, VARIABLE: str(audit)}, f"{WATCHED}@{','.join(SERVICES)}")
    # As a run of its own: what these tests start inherits the hook.
    for name in ("RIVERRUN_FAULTS_SIZE", "PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER"):
        environment.pop(name, None)
    tests = WHOLE if release else SOME
    command = [sys.executable, "-m", "pytest", "-m", "not full", "--timeout=300", *tests]
    run = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said = (await run.communicate())[0].decode(errors="replace")
    tried.look(folder)

    figures |= {
        "tests": ", ".join(tests),
        "services watched": tried.services.total(),
        "loads by pickle or marshal": len(tried.loads),
    }
    # Whether those tests hold is not asked here, and a busy machine may be too slow for one of them.
    assert " passed" in said, said[-3000:]
    assert tried.loads == []
    assert tried.services.keys() == set(SERVICES)


@pytest.mark.row("mutants")
@pytest.mark.parametrize("mutant", of_row("E1"), ids=str)
async def test_payloads_to_a_pod_catch(
    mutant: Mutant, folder: Path, seed: int, figures: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    found, tried, make = payloads(folder), Tried(), Maker(seed)
    monkeypatch.setenv(VARIABLE, str(folder / "audit"))
    async with FakeServer(SPEC).listening() as server:
        server.offer(make.good())
        pod = Pod(server.address, folder / "log", mutant=mutant.patch)
        try:
            await pod.ready()
            for payload in found[:4]:
                before = await pod.metric(FAILURES)
                server.offer(make.raw(payload))
                async with asyncio.timeout(60):
                    while await pod.metric(FAILURES) == before:
                        await asyncio.sleep(0.02)
        finally:
            pod.kill()
    tried.look(folder)

    figures |= mutant.caught(tried.kinds, "4 payloads")
    assert figures["caught as"]
