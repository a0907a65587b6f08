"""Users' own Parquet files as history: learned before the log, once, and beside what live knows."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars
import pytest
from riverrun_trainer.retraining import history_feed
from riverrun_trainer.retraining.history_rows import read_rows

from riverrun.core.events import Stream
from riverrun.core.retraining import RetrainPhase, RetrainState
from tests.integration.retraining.retrain_stack import (
    CHANGED,
    FORGETS_NOTHING,
    WRONG,
    Retraining,
    examples,
    has_ended,
    retrain_process,
)
from tests.integration.trainer.trainer_stack import Row, rows


def written(path: Path, part: Sequence[Row], **more: list[object]) -> Path:
    columns = {name: [features[name] for features, _ in part] for name in "abc"}
    polars.DataFrame({**columns, "late": [label for _, label in part], **more}).write_parquet(path)
    return path


def spec_of(files: Sequence[str], *, warm: bool = False, when: str = "better") -> str:
    names = ", ".join(f'"{name}"' for name in files)
    history = f"history: {{files: [{names}], until: '{CHANGED.isoformat()}', label: late}}"
    take_over = f"take_over: {{examples: 100, when: {when}, margin: 0.9}}"
    return f"{FORGETS_NOTHING}retrain: {{{history}, warm: {str(warm).lower()}, {take_over}}}\n"


@pytest.mark.parametrize("form", ["path", "url"])
async def test_files_come_before_what_the_log_has_after_them_and_each_row_counts_once(
    form: str, retraining: Retraining, tmp_path: Path
) -> None:
    own = rows(2_500, seed=5)
    paths = [
        written(tmp_path / f"{n}.parquet", own[n * 1_250 : (n + 1) * 1_250], note=["x"] * 1_250)
        for n in (0, 1)
    ]
    files = [str(path) if form == "path" else path.as_uri() for path in paths]
    spec, stream = spec_of(files), examples(6_000)
    await retraining.stack.client.register_model(spec)
    await retraining.feed(stream[:1_500])
    await retraining.stack.position(1_500)
    started = await retraining.retrains.start("toy")

    async with retrain_process(retraining.stack.address, started.line) as process:
        retrain = await retraining.fed_until(stream[1_500:], has_ended)
        await asyncio.wait_for(process, 60)

    assert retrain.state is RetrainState.TOOK_OVER, retrain
    await retraining.assert_learned_once(started.line, own + retraining.fed[WRONG:], spec)


async def test_a_warm_one_adds_the_files_to_what_live_knows_and_the_next_learns_only_new_ones(
    retraining: Retraining, tmp_path: Path
) -> None:
    own = rows(600, seed=5)
    first, second = (
        str(written(tmp_path / f"{name}.parquet", part))
        for name, part in (("first", own[:300]), ("second", own[300:]))
    )
    spec, stream = spec_of([first], warm=True, when="not_worse"), examples(6_000, wrong=0)
    client = retraining.stack.client
    await client.register_model(spec)
    learned = list(stream[:1_200])
    await retraining.feed(learned)
    await retraining.stack.position(1_200)

    for files, new in (([first], own[:300]), ([first, second], own[300:])):
        spec = spec_of(files, warm=True, when="not_worse")
        await client.register_model(spec)
        live = (await client.list_models())[0].channel("live")
        assert live is not None
        assert live.follows is not None
        await retraining.assert_learned_once(live.follows, learned, spec)
        started = await retraining.retrains.start("toy")
        learned += new
        fed = len(retraining.fed)
        async with retrain_process(retraining.stack.address, started.line) as process:
            retrain = await retraining.fed_until(stream[fed:], has_ended)
            await asyncio.wait_for(process, 60)
        assert retrain.state is RetrainState.TOOK_OVER, retrain
        learned += retraining.fed[fed:]

        await retraining.assert_learned_once(started.line, learned, spec)


async def test_a_process_that_ends_amid_the_files_goes_on_where_its_newest_version_is(
    retraining: Retraining, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    went_on = threading.Event()

    def read_a_little(name: str, skip: int) -> Iterator[Sequence[Mapping[str, Any]]]:
        for some in read_rows(name, skip):
            yield some
            went_on.wait(60)

    monkeypatch.setattr(history_feed, "read_rows", read_a_little)
    own = rows(5_000, seed=5)
    spec = spec_of([str(written(tmp_path / "own.parquet", own))])
    stream = examples(1_200)
    await retraining.stack.client.register_model(spec)
    await retraining.feed(stream)
    await retraining.stack.position(1_200)
    started = await retraining.retrains.start("toy")

    async with retrain_process(retraining.stack.address, started.line):
        async with asyncio.timeout(60):
            while (progress := (await retraining.newest()).progress) is None or not progress.examples:
                await asyncio.sleep(0.01)
    went_on.set()
    halfway = await retraining.head_of(started.line)
    async with retrain_process(retraining.stack.address, started.line):
        await retraining.until(
            lambda one: one.progress is not None and one.progress.phase is RetrainPhase.COMPARING
        )

    assert halfway is not None
    assert 0 < halfway.examples < len(own)
    await retraining.assert_learned_once(started.line, own + stream[WRONG:], spec)


async def test_a_file_that_is_not_there_is_named_and_rows_that_are_wrong_are_passed_over(
    retraining: Retraining, tmp_path: Path
) -> None:
    own = rows(50, seed=5)
    path = tmp_path / "own.parquet"
    spec = spec_of([str(path)])
    await retraining.stack.client.register_model(spec)
    await retraining.feed(examples(1_100))
    await retraining.stack.position(1_100)
    started = await retraining.retrains.start("toy")

    async with retrain_process(retraining.stack.address, started.line):
        missing = await retraining.until(lambda one: one.progress is not None and bool(one.progress.problem))
    written(path, own)
    is_seventh = polars.int_range(polars.len()) == 7
    without = polars.when(is_seventh).then(None).otherwise(polars.col("late")).alias("late")
    polars.read_parquet(path).with_columns(without).write_parquet(path)
    async with retrain_process(retraining.stack.address, started.line):
        await retraining.until(
            lambda one: one.progress is not None and one.progress.phase is RetrainPhase.COMPARING
        )

    assert missing.progress is not None
    assert f"{path} cannot be read" in missing.progress.problem
    learned = own[:7] + own[8:] + retraining.fed[WRONG:]
    await retraining.assert_learned_once(started.line, learned, spec)
    letters = await retraining.stack.log.end("toy", Stream.DEAD_LETTERS)
    assert letters == {0: 0}
