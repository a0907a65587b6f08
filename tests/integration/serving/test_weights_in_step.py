"""Serving processes in step with a real parameter server: swaps, rollbacks, bad updates, lost servers."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.integration.serving.serving_stack import eventually

ROW = {"amount": 12.5, "hour": 7.0}


def _rows(begin: int, count: int) -> list[tuple[dict[str, float], bool]]:
    return [
        ({"amount": float(i % 91), "hour": float(i % 24)}, i % 3 == 0) for i in range(begin, begin + count)
    ]


def _shares(prediction: Any) -> dict[str, float]:
    return {str(label).lower(): share for label, share in prediction.probabilities.items()}


@pytest.fixture
async def trainer(stack: Any, specs: dict[str, str]) -> Any:
    """The trainer of `fraud`, which has pushed its untrained version 1."""
    trainer = await stack.trainer(specs["fraud"])
    await trainer.push()
    return trainer


async def test_every_answer_is_wholly_of_the_version_it_names_while_versions_are_swapped_in(
    stack: Any, trainer: Any
) -> None:
    served = await stack.serving()
    await served.reaches("fraud", 1)
    expected = {1: _shares(trainer.predict(ROW))}
    seen: set[int] = set()
    done = asyncio.Event()

    async def ask() -> None:
        last = 0
        while not done.is_set():
            response = await served.http.post(
                "/v1/models/fraud:predict", json={"instances": [ROW] * 100, "id": "b"}
            )
            body = response.json()
            assert response.status_code == 200, body
            version = body["model_version"]
            assert all(one["probabilities"] == expected[version] for one in body["predictions"])
            assert body["ids"][99] == "b.99"
            assert version >= last
            last = version
            seen.add(version)

    asking = [asyncio.create_task(ask()) for _ in range(4)]
    for step in range(60):
        trainer.learner.learn(*map(list, zip(*[(f, y, 1.0) for f, y in _rows(step, 1)], strict=True)))
        expected[trainer.version + 1] = _shares(trainer.predict(ROW))
        version = await trainer.push()
        if step % 3 == 2:
            await eventually(lambda version=version: version in seen, f"version {version} never answered")
    await served.reaches("fraud", 61)
    done.set()
    await asyncio.gather(*asking)
    final = await served.predict("fraud", ROW)

    assert final["probabilities"] == expected[61]
    assert len(seen) >= 20


async def test_a_rollback_reaches_every_process_and_resume_goes_forward_again(
    stack: Any, trainer: Any
) -> None:
    pods = [await stack.serving(), await stack.serving()]
    older = await trainer.push(_rows(0, 20))
    expected_older = _shares(trainer.predict(ROW))
    newer = await trainer.push(_rows(20, 20))
    expected_newer = _shares(trainer.predict(ROW))
    for pod in pods:
        await pod.reaches("fraud", newer)

    await stack.client.set_channel("fraud", "live", hold_version=older)
    for pod in pods:
        await pod.reaches("fraud", older)
    rolled_back = [await pod.predict("fraud", ROW) for pod in pods]
    await stack.client.set_channel("fraud", "live", follow=True)
    for pod in pods:
        await pod.reaches("fraud", newer)
    resumed = [await pod.predict("fraud", ROW) for pod in pods]

    assert all(answer["probabilities"] == expected_older for answer in rolled_back)
    assert all(answer["probabilities"] == expected_newer for answer in resumed)


async def test_weights_that_cannot_be_read_are_refused_reported_and_healed(stack: Any, trainer: Any) -> None:
    served = await stack.serving()
    good = await trainer.push(_rows(0, 20))
    await served.reaches("fraud", good)

    bad = await trainer.push_nonsense()
    await _eventually_reader(stack, lambda reader: reader.problem != "")
    during = await served.predict("fraud", ROW)
    status = (await served.http.get("/v1/models/fraud")).json()["channels"]["live"]
    ready = await served.http.get("/readyz")
    healed = await trainer.push_whole()
    await served.reaches("fraud", healed)
    await _eventually_reader(stack, lambda reader: reader.version == healed and reader.problem == "")
    metrics = (await served.http.get("/metrics")).text

    assert bad == good + 1
    assert during["model_version"] == good
    assert status["problem"] != ""
    assert ready.status_code == 200
    assert 'riverrun_serving_swap_failures_total{channel="live",model="fraud"}' in metrics


async def _eventually_reader(stack: Any, holds: Any, within_s: float = 60.0) -> None:
    async with asyncio.timeout(within_s):
        while not any(holds(reader) for reader in await stack.client.list_readers("fraud")):
            await asyncio.sleep(0.02)


async def test_readers_are_listed_with_version_sync_and_address(stack: Any, trainer: Any) -> None:
    served = await stack.serving()
    version = await trainer.push(_rows(0, 5))
    await served.reaches("fraud", version)

    await _eventually_reader(stack, lambda reader: reader.version == version)
    reader = (await stack.client.list_readers("fraud"))[0]

    assert reader.address == f"127.0.0.1:{served.app.rest_port}"
    assert (reader.channel, reader.sync, reader.problem) == ("live", "watch", "")


async def test_a_server_that_comes_back_is_followed_again(stack: Any, specs: dict[str, str]) -> None:
    trainer = await stack.trainer(specs["fraud"])
    version = await trainer.push(_rows(0, 20))
    served = await stack.serving()
    await served.reaches("fraud", version)

    await stack.stop_server()
    away = await served.predict("fraud", ROW)
    ready = await served.http.get("/readyz")
    await stack.start_server_again()
    moved, _ = await stack.client.set_channel("fraud", "live", hold_here=True)
    again = await stack.trainer(specs["fraud"])
    again.learner, again.version = trainer.learner, trainer.version
    newer = await again.push(_rows(20, 20))
    await stack.client.set_channel("fraud", "live", follow=True)
    await served.reaches("fraud", newer)
    back = await served.predict("fraud", ROW)

    assert away["model_version"] == version
    assert ready.status_code == 200
    assert moved.version == version
    assert back["probabilities"] == _shares(again.predict(ROW))


async def test_a_server_that_lost_its_history_is_followed_from_the_start(
    stack: Any, specs: dict[str, str]
) -> None:
    first = await stack.trainer(specs["fraud"])
    for step in range(4):
        await first.push(_rows(10 * step, 10))
    served = await stack.serving()
    await served.reaches("fraud", 4)

    await stack.stop_server()
    await stack.start_server_again(data="another-disk")
    kept = await served.predict("fraud", ROW)
    second = await stack.trainer(specs["fraud"])
    version = await second.push(_rows(100, 30))
    await served.reaches("fraud", version)
    answer = await served.predict("fraud", ROW)

    assert kept["model_version"] == 4
    assert version == 1
    assert answer["probabilities"] == _shares(second.predict(ROW))


async def test_a_store_that_was_left_is_not_listened_to_again(stack: Any, specs: dict[str, str]) -> None:
    first = await stack.trainer(specs["fraud"])
    for step in range(4):
        await first.push(_rows(10 * step, 10))
    served = await stack.serving()
    await served.reaches("fraud", 4)
    await stack.stop_server()
    await stack.start_server_again(data="another-disk")
    second = await stack.trainer(specs["fraud"])
    version = await second.push(_rows(100, 30))
    await served.reaches("fraud", version)
    expected = _shares(second.predict(ROW))

    await stack.stop_server()
    await stack.start_server_again()
    await asyncio.sleep(0)
    await stack.client.set_channel("fraud", "live", hold_version=2)
    async with asyncio.timeout(60):
        while (await served.predict("fraud", ROW))["age_seconds"] < 3:
            await asyncio.sleep(0.05)
    answer = await served.predict("fraud", ROW)

    assert answer["model_version"] == version
    assert answer["probabilities"] == expected


async def test_a_process_starts_from_its_last_good_copy_while_the_server_is_away(
    stack: Any, trainer: Any, tmp_path: Any
) -> None:
    cache = tmp_path / "cache"
    version = await trainer.push(_rows(0, 20))
    async with stack.serving_for_now(cache_dir=cache, cache_every_s=0.05) as first:
        await first.reaches("fraud", version)
        newer = await trainer.push(_rows(20, 20))
        await first.reaches("fraud", newer)
        async with asyncio.timeout(60):
            while not await _copy_holds(cache, newer):
                await asyncio.sleep(0.02)
    await stack.stop_server()

    async with stack.serving_for_now(cache_dir=cache) as second:
        ready = await second.http.get("/readyz")
        answer = await second.predict("fraud", ROW)
        unknown = await second.http.post("/v1/models/clicks:predict", json={"features": {}})
        # What comes later goes on from the copy.
        await stack.start_server_again()
        async with asyncio.timeout(60):
            while (await second.predict("fraud", ROW))["age_seconds"] > 1.5:
                await asyncio.sleep(0.05)
        await second.reaches("fraud", newer)
        still_unknown = await second.http.post("/v1/models/clicks:predict", json={"features": {}})

    assert ready.status_code == 200
    assert (unknown.status_code, unknown.headers["retry-after"]) == (503, "1")
    assert still_unknown.status_code == 404
    assert answer["model_version"] == newer
    assert answer["probabilities"] == _shares(trainer.predict(ROW))


async def _copy_holds(cache: Any, version: int) -> bool:
    from riverrun_serving.sync.last_good import LastGoodFolder

    return any(copy.manifest.version == version for copy in LastGoodFolder(cache).read_all())


async def test_a_damaged_copy_is_left_out(stack: Any, trainer: Any, tmp_path: Any) -> None:
    cache = tmp_path / "cache"
    version = await trainer.push(_rows(0, 20))
    async with stack.serving_for_now(cache_dir=cache, cache_every_s=0.05) as first:
        await first.reaches("fraud", version)
        async with asyncio.timeout(60):
            while not await _copy_holds(cache, version):
                await asyncio.sleep(0.02)
    file = next(cache.glob("*.weights"))
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    await stack.stop_server()

    async with stack.serving_for_now(cache_dir=cache) as second:
        ready = await second.http.get("/readyz")
        await stack.start_server_again()
        await second.reaches("fraud", version)

    assert ready.status_code == 503
    assert "not reached" in ready.json()["reason"]


async def test_other_channels_have_slots_of_their_own(stack: Any, trainer: Any) -> None:
    served = await stack.serving()
    older = await trainer.push(_rows(0, 20))
    expected_older = _shares(trainer.predict(ROW))
    newer = await trainer.push(_rows(20, 20))
    await stack.client.set_channel("fraud", "canary", hold_version=older)
    await served.reaches("fraud", older, channel="canary")
    await served.reaches("fraud", newer)
    body = {
        "inputs": [{"name": name, "datatype": "FP64", "shape": [1], "data": [v]} for name, v in ROW.items()]
    }

    by_name = (await served.http.post("/v2/models/fraud/versions/canary/infer", json=body)).json()
    by_number = (await served.http.post(f"/v2/models/fraud/versions/{older}/infer", json=body)).json()
    live = (await served.http.post("/v2/models/fraud/infer", json=body)).json()
    await stack.client.set_channel("fraud", "canary", remove=True)
    async with asyncio.timeout(60):
        while (
            await served.http.post("/v2/models/fraud/versions/canary/infer", json=body)
        ).status_code != 404:
            await asyncio.sleep(0.02)

    assert by_name["outputs"][1]["data"] == by_number["outputs"][1]["data"] == list(expected_older.values())
    assert by_name["parameters"]["channel"] == "canary"
    assert (by_name["model_version"], live["model_version"]) == (str(older), str(newer))


async def test_a_deleted_model_is_unknown_within_moments(stack: Any, trainer: Any) -> None:
    served = await stack.serving()
    await served.reaches("fraud", 1)

    await stack.client.delete_model("fraud")

    async with asyncio.timeout(60):
        while (await served.http.get("/v1/models/fraud")).status_code != 404:
            await asyncio.sleep(0.02)


async def test_only_wanted_models_are_served(stack: Any, trainer: Any, specs: dict[str, str]) -> None:
    houses = await stack.trainer(specs["houses"])
    await houses.push()

    served = await stack.serving(models=("houses",))
    await served.reaches("houses", 1)

    assert (await served.http.get("/v1/models/fraud")).status_code == 404
    assert (await served.http.get("/v2/models")).json() == {"models": ["houses"]}


async def test_freshness_of_recent_swaps_is_shown(stack: Any, trainer: Any) -> None:
    served = await stack.serving()
    await served.reaches("fraud", 1)
    began = time.monotonic()
    for step in range(5):
        version = await trainer.push(_rows(step, 1))
        await served.reaches("fraud", version)

    within_ms = 1000 * (time.monotonic() - began)
    freshness = (await served.http.get("/v1/models/fraud")).json()["channels"]["live"]["freshness_ms"]
    metrics = (await served.http.get("/metrics")).text
    async with asyncio.timeout(60):
        while (told := (await stack.client.list_readers("fraud"))[0].freshness) is None or told.swaps < 5:
            await asyncio.sleep(0.02)

    assert freshness["swaps"] == 5
    assert 1000 * told.p99_s == pytest.approx(freshness["p99"], abs=0.001)
    assert 0 < freshness["p50"] <= freshness["p99"] < within_ms
    assert 'riverrun_serving_freshness_seconds_count{channel="live",model="fraud"}' in metrics
