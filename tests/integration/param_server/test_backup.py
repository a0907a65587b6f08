"""Copies of a running server: whole or none, of one moment, and stores again with every version as it was."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
from pathlib import Path

import msgspec
import pytest
from riverrun_param_server import backups
from riverrun_param_server.examination import examine
from riverrun_param_server.restore import restore
from riverrun_param_server.settings import ParamServerSettings
from typer.testing import CliRunner

from riverrun.cli.main import app
from riverrun.core.backups import CONTENTS, Contents
from riverrun.core.errors import AlreadyExists, DigestMismatch, InvalidInput, NotFound, RiverrunError
from riverrun.core.events import NewEvent, Stream
from riverrun.core.units import SideDelta
from riverrun.rpc.backups import receive_backup
from riverrun.rpc.trainer_session import open_session
from tests.golden import golden_store
from tests.integration.param_server.param_stack import SPEC, Stack, Units, a_push, held_by, stack_over


async def push_and_append(stack: Stack, acked: dict[int, dict[int, bytes]], labels: list[int]) -> None:
    """Labels, and versions that contain them, as many as one answer lists."""
    units = Units()
    async with open_session(stack.client, "flights", 1, "t") as session:
        for base in range(900):
            event = NewEvent(f"e{base}", os.urandom(300), fingerprint=b"1")
            (appended,) = await stack.running.event_log.append("flights", Stream.EXAMPLES, [event])
            labels.append(appended.offset)
            push = a_push(
                units,
                base=base,
                epoch=session.opened.epoch,
                serving=SideDelta({base % 20: os.urandom(90_000 if base % 7 == 0 else 900)}),
                trainer=SideDelta({1000: b"%d" % base}),
                positions={Stream.EXAMPLES: {0: appended.offset + 1}},
            )
            pushed = await stack.client.push(push)
            acked[pushed.version] = dict(units.serving)


async def test_a_backup_under_load_restores_to_every_version_and_the_events_it_contains(
    settings: ParamServerSettings, tmp_path: Path
) -> None:
    acked: dict[int, dict[int, bytes]] = {}
    labels: list[int] = []
    async with stack_over(settings) as stack:
        await stack.client.register_model(SPEC)
        load = asyncio.create_task(push_and_append(stack, acked, labels))
        while len(acked) < 30:
            await asyncio.sleep(0.01)
        before, labels_before = max(acked), len(labels)
        contents = await receive_backup(stack.client, tmp_path / "backup", deadline_s=60)
        digests = {m.version: m.digest for m in await stack.client.list_versions("flights", limit=1000)}
        load.cancel()
        await asyncio.gather(load, return_exceptions=True)
        assert not (settings.data / backups.SET_ASIDE).exists()
        old_id = stack.running.server.store_id
    folder = tmp_path / "restored"

    restored = restore(tmp_path / "backup", folder)

    assert contents.store_id == restored.backup_of == old_id != restored.store_id
    assert examine(folder).ok
    async with stack_over(settings.model_copy(update={"data": folder})) as again:
        assert again.running.server.store_id == restored.store_id
        kept = await again.client.list_versions("flights", limit=1000)
        newest = max(m.version for m in kept)
        assert before <= newest
        assert {m.version: m.digest for m in kept} == {v: digests[v] for v in range(1, newest + 1)}
        for version in (1, newest // 2, newest):
            assert held_by(await again.client.pull("flights", version=version)) == acked[version]
        end = (await again.running.event_log.end("flights", Stream.EXAMPLES))[0]
        assert end >= max(kept[0].positions[Stream.EXAMPLES][0], labels_before)
        # Readers of the old store start again.
        pulled = await again.client.pull("flights", channel="live", have_version=1, have_store_id=old_id)
        assert pulled.base_version == 0


# The events of the second are in history as well.
@pytest.mark.parametrize(("store", "events"), [("store-1", 13), ("store-3", 6)])
async def test_restoring_keeps_every_answer_but_the_store_id(tmp_path: Path, store: str, events: int) -> None:
    data = shutil.copytree(golden_store.FOLDER / store / golden_store.DATA, tmp_path / "data")
    async with golden_store.opened(data) as stack:
        await receive_backup(stack.client, tmp_path / "backup", deadline_s=60)
        expected = await golden_store.answers(stack)

    restored = restore(tmp_path / "backup", tmp_path / "deep" / "restored")

    assert (restored.report.versions, restored.report.events, restored.report.files) == (11, events, 2)
    assert restored.report.events + restored.report.history_events == 13
    async with golden_store.opened(tmp_path / "deep" / "restored") as again:
        assert await golden_store.answers(again) == expected


@pytest.fixture
async def backup(tmp_path: Path) -> Path:
    data = shutil.copytree(golden_store.FOLDER / "store-1" / golden_store.DATA, tmp_path / "data")
    async with golden_store.opened(data) as stack:
        await receive_backup(stack.client, tmp_path / "backup", deadline_s=60)
    return tmp_path / "backup"


async def test_a_backup_that_was_cut_short_is_refused(backup: Path, tmp_path: Path) -> None:
    (backup / CONTENTS).unlink()

    with pytest.raises(NotFound, match="cut short"):
        restore(backup, tmp_path / "restored")

    assert not (tmp_path / "restored").exists()


def test_a_backup_with_a_damaged_or_missing_file_is_refused_naming_it(backup: Path, tmp_path: Path) -> None:
    (body, *_) = (backup / "bodies").glob("*/*")
    content = body.read_bytes()
    body.write_bytes(content[:-1] + b"?")
    with pytest.raises(DigestMismatch, match=body.name):
        restore(backup, tmp_path / "restored")
    body.unlink()
    with pytest.raises(DigestMismatch, match=body.name):
        restore(backup, tmp_path / "restored")
    body.write_bytes(content)
    (backup / CONTENTS).write_bytes((backup / CONTENTS).read_bytes()[:-10])
    with pytest.raises(DigestMismatch, match=CONTENTS):
        restore(backup, tmp_path / "restored")

    assert list(tmp_path.glob("*restor*")) == []


async def test_the_commands_back_up_a_running_server_and_restore_it(tmp_path: Path) -> None:
    data = shutil.copytree(golden_store.FOLDER / "store-1" / golden_store.DATA, tmp_path / "data")
    runner = CliRunner()
    async with golden_store.opened(data) as stack:
        arguments = ["store", "backup", "--to", str(tmp_path / "backup"), "--server", stack.address]
        backed_up = await asyncio.to_thread(runner.invoke, app, [*arguments, "--output", "json"])

    arguments = ["store", "restore", str(tmp_path / "backup"), "--data", str(tmp_path / "up")]
    restored = await asyncio.to_thread(runner.invoke, app, arguments)
    again = await asyncio.to_thread(runner.invoke, app, arguments)

    assert backed_up.exit_code == 0, backed_up.output
    assert json.loads(backed_up.stdout)["files"] == 4
    assert restored.exit_code == 0, restored.output
    assert examine(tmp_path / "up" / "param-server").versions == 11
    assert again.exit_code == 1
    assert "exists already" in again.stderr


async def test_a_backup_that_lists_what_no_store_has_is_refused(backup: Path, tmp_path: Path) -> None:
    contents = msgspec.json.decode((backup / CONTENTS).read_bytes(), type=Contents)
    outside = msgspec.structs.replace(contents.files[0], path="../outside")
    for changed, error in (
        (msgspec.structs.replace(contents, files=(outside, *contents.files)), InvalidInput),
        (msgspec.structs.replace(contents, format=2), InvalidInput),
        (msgspec.structs.replace(contents, files=contents.files[:-1]), DigestMismatch),
    ):
        (backup / CONTENTS).write_bytes(msgspec.json.encode(changed))
        with pytest.raises(error):
            restore(backup, tmp_path / "restored")
        assert not (tmp_path / "outside").exists()


async def test_what_is_there_already_is_never_written_over(backup: Path, tmp_path: Path) -> None:
    with pytest.raises(AlreadyExists):
        restore(backup, backup)
    async with golden_store.opened(tmp_path / "data") as stack:
        with pytest.raises(AlreadyExists):
            await receive_backup(stack.client, backup, deadline_s=60)


async def test_versions_that_are_dropped_while_a_backup_is_read_stay_in_it(
    stack: Stack, settings: ParamServerSettings
) -> None:
    await stack.client.register_model(SPEC)
    units = Units()
    async with open_session(stack.client, "flights", 1, "t") as session:
        for base in range(3):
            large = SideDelta({0: os.urandom(100_000)})
            await stack.client.push(a_push(units, base=base, epoch=session.opened.epoch, serving=large))
    store = stack.running.server.store
    files = {path.name for path in (settings.data / "bodies").glob("*/*")}
    names: set[str] = set()

    async with contextlib.aclosing(backups.Backups(store, stack.running.event_log).parts()) as parts:
        async for part in parts:
            if isinstance(part, backups.FileBegins) and part.path.startswith("bodies/"):
                names.add(part.path.rpartition("/")[2])
                store.blobs.remove([bytes.fromhex(name) for name in files])

    assert names == files
    assert list((settings.data / "bodies").glob("*/*")) == []


async def test_a_backup_that_its_caller_leaves_leaves_nothing_behind(
    stack: Stack, settings: ParamServerSettings
) -> None:
    making = backups.Backups(stack.running.server.store, stack.running.event_log)

    async with contextlib.aclosing(making.parts()) as parts:
        async for _ in parts:
            assert (settings.data / backups.SET_ASIDE).exists()
            break

    assert not (settings.data / backups.SET_ASIDE).exists()
    await stack.running.event_log.trim("flights", Stream.EXAMPLES, {0: 1})


async def test_history_files_stay_until_a_backup_has_sent_them(tmp_path: Path) -> None:
    data = shutil.copytree(golden_store.FOLDER / "store-3" / golden_store.DATA, tmp_path / "data")
    async with golden_store.opened(data) as stack:
        making = backups.Backups(stack.running.server.store, stack.running.event_log)
        sent: dict[str, bytes] = {}
        name = ""
        async with contextlib.aclosing(making.parts()) as parts:
            async for part in parts:
                match part:
                    case backups.FileBegins(path=name):
                        sent[name] = b""
                        await stack.running.event_log.trim("flights", Stream.EXAMPLES, {0: 9})
                    case bytes():
                        sent[name] += part

        (history,) = (body for name, body in sent.items() if name.startswith("history/"))
        golden = golden_store.FOLDER / "store-3" / golden_store.DATA
        assert history == next((golden / "history").rglob("*.parquet")).read_bytes()
        assert list((data / "history").rglob("*.parquet")) == []


async def test_what_a_crash_left_of_a_backup_goes_at_the_next_start(settings: ParamServerSettings) -> None:
    async with stack_over(settings):
        pass
    (settings.data / backups.SET_ASIDE).mkdir()
    (settings.data / backups.SET_ASIDE / "params.sqlite").write_bytes(b"half")

    async with stack_over(settings):
        assert not (settings.data / backups.SET_ASIDE).exists()


async def test_a_damaged_body_ends_the_backup_without_a_list_of_contents(
    stack: Stack, settings: ParamServerSettings, tmp_path: Path
) -> None:
    await stack.client.register_model(SPEC)
    async with open_session(stack.client, "flights", 1, "t") as session:
        large = SideDelta({0: os.urandom(100_000)})
        await stack.client.push(a_push(Units(), base=0, epoch=session.opened.epoch, serving=large))
    (body,) = (settings.data / "bodies").glob("*/*")
    body.write_bytes(body.read_bytes()[:-1] + b"?")

    with pytest.raises(RiverrunError):
        await receive_backup(stack.client, tmp_path / "backup", deadline_s=60)

    assert not (tmp_path / "backup" / CONTENTS).exists()
