"""Sessions that end and begin again: standbys, a server that restarts, specs that change or do not build."""

import pytest

from riverrun.core.events import Stream
from tests.integration.trainer.test_evaluation import report
from tests.integration.trainer.trainer_stack import (
    SPEC,
    eventually,
    offset_of,
    param_server,
    plain_loop,
    problem_of,
    rows,
    trainer,
    with_publish,
)

PROBE = {"a": 0.3, "b": -1.2, "c": 2.0}
NOT_FOR_US = "name: toy\ntask: binary\nfactory: their.code:make\nfeatures: {a: float, b: float, c: float}\n"


async def test_of_two_trainers_one_learns_and_the_other_takes_over(stack):
    await stack.client.register_model(SPEC)
    examples = rows(200)

    async with trainer(stack.address):
        first = await stack.wait_for(lambda head: head.version >= 1)
        async with trainer(stack.address) as second_stop:
            await stack.feed(examples[:100])
            by_first = await stack.position(100)
            assert not second_stop.asked
    # Both were stopped; which of them was the last does not matter to what was learned.
    async with trainer(stack.address):
        await stack.feed(examples[100:], start=100)
        by_next = await stack.position(200)

    assert by_first.epoch == first.epoch
    assert by_next.epoch > by_first.epoch
    assert (await stack.predictor()).predict(PROBE) == plain_loop(examples).predict(PROBE)


async def test_a_standby_takes_over_when_the_present_trainer_goes(stack):
    await stack.client.register_model(SPEC)
    examples = rows(200)
    present = trainer(stack.address)
    await present.__aenter__()
    await stack.wait_for(lambda head: head.version >= 1)

    async with trainer(stack.address):
        await stack.feed(examples[:100])
        before = await stack.position(100)
        await present.__aexit__(None, None, None)
        await stack.feed(examples[100:], start=100)
        after = await stack.position(200)

    assert after.epoch > before.epoch
    assert (await stack.predictor()).predict(PROBE) == plain_loop(examples).predict(PROBE)


async def test_learning_goes_on_after_the_parameter_server_came_back(tmp_path, unused_port):
    examples = rows(300)
    async with param_server(tmp_path / "data", port=unused_port) as stack:
        await stack.client.register_model(SPEC)
        running = trainer(stack.address)
        await running.__aenter__()
        await stack.feed(examples[:150])
        await stack.position(100)

    try:
        async with param_server(tmp_path / "data", port=unused_port) as stack:
            await stack.feed(examples[150:], start=150)
            head = await stack.position(300)
            served = await stack.predictor()
            await running.__aexit__(None, None, None)
    except BaseException:
        await running.__aexit__(None, None, None)
        raise

    assert head.examples == 300
    assert served.predict(PROBE) == plain_loop(examples).predict(PROBE)


async def test_a_new_publish_policy_takes_effect_at_once_and_keeps_the_session(stack):
    await stack.client.register_model(with_publish("{every: 1h}"))
    async with trainer(stack.address):
        await stack.wait_for(lambda head: head.version == 1)
        await stack.feed(rows(7))
        await report(stack, 7)
        before = await stack.head()

        await stack.client.register_model(with_publish("{every_events: 5}"))
        after = await stack.position(7)

    assert offset_of(before) == 0
    assert after.epoch == before.epoch


async def test_a_time_policy_publishes_though_nothing_more_arrives(stack):
    await stack.client.register_model(with_publish("{every: 400ms}"))
    async with trainer(stack.address):
        first = await stack.wait_for(lambda head: head.version == 1)
        await stack.feed(rows(3))

        await stack.position(3)

    second = await stack.client.get_version("toy", 2)
    assert second.created_ns - first.created_ns > 350_000_000


async def test_a_model_that_cannot_be_built_says_why_and_is_learned_once_it_can(stack):
    await stack.client.register_model(NOT_FOR_US)
    async with trainer(stack.address):

        async def says_why() -> bool:
            return "their.code:make" in await problem_of(stack)

        await eventually(says_why)
        before = await stack.head()
        await stack.feed(rows(5))
        await stack.client.register_model(SPEC)
        head = await stack.position(5)

    assert before is None
    assert head.line == 2


async def test_many_models_are_learned_side_by_side_and_one_that_is_deleted_stops(stack):
    specs = {f"toy-{n}": SPEC.replace("name: toy", f"name: toy-{n}") for n in range(4)}
    for spec in specs.values():
        await stack.client.register_model(spec)
    examples = rows(50)
    async with trainer(stack.address):
        for name in specs:
            await stack.feed(examples, model=name)
        heads = [await stack.position(50, model=name) for name in specs]
        await stack.client.delete_model("toy-0")
        await stack.feed(rows(10), start=50, model="toy-1")
        await stack.position(60, model="toy-1")

    assert [head.examples for head in heads] == [50] * 4


async def test_only_the_models_named_in_the_settings_are_learned(stack):
    await stack.client.register_model(SPEC)
    await stack.client.register_model(SPEC.replace("name: toy", "name: other"))
    async with trainer(stack.address, models=("other",)):
        await stack.wait_for(lambda head: head.version == 1, model="other")
        await stack.feed(rows(5), model="other")
        await stack.position(5, model="other")

    assert await stack.head("toy") is None


async def test_a_new_line_learns_the_kept_events_from_the_start(stack):
    await stack.client.register_model(SPEC)
    examples = rows(60)
    other = SPEC.replace("lr: 0.05", "lr: 0.5")
    async with trainer(stack.address):
        await stack.feed(examples[:30])
        await stack.position(30)
        await stack.client.register_model(other)
        candidate = await stack.wait_for(lambda head: head.line == 2 and head.examples == 30)
        await stack.feed(examples[30:], start=30)

        async def both_are_done() -> bool:
            newest = {m.line: m for m in reversed(await stack.client.list_versions("toy", limit=1000))}
            return all(offset_of(newest[line]) == 60 for line in (1, 2))

        await eventually(both_are_done)

    assert candidate.examples == 30
    assert (await stack.predictor()).predict(PROBE) == plain_loop(examples).predict(PROBE)


@pytest.mark.parametrize(("replay", "examples_then"), [(False, 20), (True, 30)])
async def test_a_reset_goes_on_from_the_older_version(stack, replay, examples_then):
    await stack.client.register_model(SPEC)
    async with trainer(stack.address):
        await stack.feed(rows(10))
        older = await stack.position(10)
        await stack.feed(rows(10, seed=2), start=10)
        await stack.position(20)

        await stack.client.reset("toy", older.version, replay=replay)
        await stack.feed(rows(10, seed=3), start=20)
        head = await stack.wait_for(lambda head: head.line == 2 and offset_of(head) == 30)

    assert head.examples == examples_then
    learned = rows(10) + (rows(10, seed=2) if replay else []) + rows(10, seed=3)
    assert (await stack.predictor()).predict(PROBE) == plain_loop(learned).predict(PROBE)
    manifests = await stack.client.list_versions("toy", limit=1000)
    first_of_line = min((m for m in manifests if m.line == 2), key=lambda m: m.version)
    skipped = [(r.stream, r.start, r.end) for r in first_of_line.skipped]
    assert skipped == ([] if replay else [(Stream.EXAMPLES, 10, 20)])


async def test_a_store_that_takes_no_versions_is_reported_as_the_problem(tmp_path):
    async with param_server(tmp_path / "data", max_model_bytes=100) as stack:
        await stack.client.register_model(SPEC)
        async with trainer(stack.address, drain_s=0.5):

            async def says_why() -> bool:
                return "limit" in await problem_of(stack)

            await eventually(says_why)
            head = await stack.head()

    assert head is None
