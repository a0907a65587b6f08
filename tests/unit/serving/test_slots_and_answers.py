"""Slots and the answers they give: versions found by name or number, ages, ids, long batches."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from riverrun_serving.core.model_slot import ModelSlot
from riverrun_serving.core.predicting import answer_many, answer_one
from riverrun_serving.core.served_models import ServedModel, ServedModels

from riverrun.core.errors import InvalidInput, NotFound, NotReady
from riverrun.core.spec import SyncSpec
from riverrun.core.versions import Freshness
from tests.unit.serving.in_test_predictor import SPEC, loaded, slot_with

ROW = {"rooms": 3, "size": 50.0}


def test_a_version_is_found_by_channel_by_number_and_live_by_default() -> None:
    model = ServedModel("houses", SPEC, slots={"live": slot_with(7), "candidate": slot_with(9)})

    assert model.slot("") is model.slot("live") is model.slot("7") is model.slots["live"]
    assert model.slot("9") is model.slot("candidate")
    with pytest.raises(
        NotFound, match=r"no version of model houses '8'; there is: candidate \(9\), live \(7\)"
    ):
        model.slot("8")


def test_an_unknown_model_is_answered_with_those_there_are() -> None:
    models = ServedModels()
    models.add(ServedModel("houses", SPEC))
    models.complete = True

    with pytest.raises(NotFound, match="no model 'flats'; there is: houses"):
        models.model("flats")


def test_before_the_parameter_server_named_its_models_a_missing_one_may_exist() -> None:
    models = ServedModels()
    models.add(ServedModel("houses", SPEC))

    with pytest.raises(NotReady, match="model flats: the parameter server was not reached yet"):
        models.model("flats")
    assert models.model("houses").name == "houses"


def test_before_the_first_weights_a_model_says_so() -> None:
    with pytest.raises(NotReady, match="not trained yet"):
        answer_one(ModelSlot("houses", "live"), ROW, None, 1.0)


def test_too_stale_refuses_only_where_the_policy_says_so() -> None:
    slot = slot_with(3)
    slot.policy = SyncSpec.model_validate({"max_staleness": "10s", "when_stale": "serve"})
    served = answer_one(slot, ROW, None, 60.0)
    slot.policy = SyncSpec.model_validate({"max_staleness": "10s", "when_stale": "refuse"})
    fresh = answer_one(slot, ROW, None, 10.0)

    with pytest.raises(NotReady, match=r"last confirmed 60\.0 s ago, max_staleness is 10 s"):
        answer_one(slot, ROW, None, 60.0)
    assert (served.age_s, fresh.age_s) == (60.0, 10.0)


def test_every_answer_has_an_id_and_keeps_a_given_one() -> None:
    slot = slot_with(3)

    made = {answer_one(slot, ROW, None, 1.0).id for _ in range(100)}

    assert len(made) == 100
    assert answer_one(slot, ROW, "mine", 1.0).id == "mine"
    with pytest.raises(InvalidInput, match="id: expected a string"):
        answer_one(slot, ROW, 7, 1.0)


async def test_a_long_batch_lets_others_in_between_and_stays_with_its_version() -> None:
    slot = slot_with(3)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            slot.swap(loaded(3 + turns, generation=1 + turns), 0.0, None)
            await asyncio.sleep(0)

    beside = asyncio.create_task(others())
    answer = await answer_many(slot, [ROW] * 5_000, "b", 1.0)
    beside.cancel()

    assert turns > 3
    assert {prediction.value for prediction in answer.predictions} == {3.0}
    assert answer.loaded.version == 3
    assert answer.ids[499] == "b.499"


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ("many", "instances: expected a list"),
        ([], "instances: expected a list of at least one"),
        ([ROW, {"size": -1.0}], "instances.1.size: expected at least 0"),
        ([ROW, 5], "instances.1: expected an object"),
    ],
)
async def test_wrong_rows_are_named(rows: Any, named: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await answer_many(slot_with(3), rows, None, 1.0)

    assert str(refused.value).startswith(named)


def test_freshness_is_summed_up_by_its_quantiles() -> None:
    slot = slot_with(3)
    for number in range(101):
        slot.swap(loaded(4 + number), 0.0, number / 1000)

    assert slot.freshness() == Freshness(0.05, 0.099, 101)
