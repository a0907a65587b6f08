"""Which arm answers a request: by its key alone, and never one that cannot answer."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from riverrun_serving.core.arms import Arms
from riverrun_serving.core.model_slot import ModelSlot
from riverrun_serving.core.predicting import answer_one
from riverrun_serving.core.prediction_log import _body
from riverrun_serving.core.served_models import ServedModel

from riverrun.core.events import LoggedEvent
from riverrun.core.experiments import Arm, Experiment
from riverrun.core.joining_json import decode_prediction
from tests.unit.serving.in_test_predictor import SPEC, loaded, slot_with

PLAN = Experiment("pace", (Arm("now", 0.4, "live"), Arm("old", 0.4, "pace-old")))
KEYS = [f"user-{number}" for number in range(500)]


def a_model(plan: Experiment = PLAN) -> ServedModel:
    old = ModelSlot("houses", "pace-old")
    old.swap(loaded(7), 0.0, None)
    slots = {"live": slot_with(9), "pace-old": old}
    return ServedModel("houses", SPEC, slots=slots, arms=Arms("houses", plan))


def arms_of(model: ServedModel) -> dict[str, str | None]:
    chosen = {key: model.choose("", key)[1] for key in KEYS}
    return {key: None if exposure is None else exposure.arm for key, exposure in chosen.items()}


def test_each_arm_answers_its_share_and_the_rest_is_answered_by_live_in_no_arm() -> None:
    model = a_model()

    shares = {arm: list(arms_of(model).values()).count(arm) / len(KEYS) for arm in ("now", "old", None)}
    slots = {arm: model.choose("", key)[0] for key, arm in arms_of(model).items()}

    assert all(abs(shares[arm] - share) < 0.07 for arm, share in (("now", 0.4), ("old", 0.4), (None, 0.2)))
    assert slots == {"now": model.slots["live"], "old": model.slots["pace-old"], None: model.slots["live"]}


def test_every_process_assigns_alike() -> None:
    assert arms_of(a_model()) == arms_of(a_model())


def test_the_keys_of_a_stopped_arm_go_to_live_and_the_others_stay() -> None:
    before = arms_of(a_model())

    after = arms_of(a_model(replace(PLAN, arms=(PLAN.arms[0], replace(PLAN.arms[1], stopped_ns=1)))))

    assert after == {key: "now" if arm == "now" else None for key, arm in before.items()}


def test_an_arm_without_weights_here_is_answered_by_live_in_no_arm() -> None:
    model = a_model()
    old = next(key for key, arm in arms_of(model).items() if arm == "old")
    model.slots["pace-old"] = ModelSlot("houses", "pace-old")

    slot, exposure = model.choose("", old)
    del model.slots["pace-old"]

    assert slot is model.slots["live"]
    assert exposure is None
    assert model.choose("", old) == (model.slots["live"], None)


def test_a_request_that_names_a_channel_or_has_no_key_takes_no_part() -> None:
    model = a_model()

    assert model.choose("pace-old", KEYS[0]) == (model.slots["pace-old"], None)
    assert model.choose("7", KEYS[0]) == (model.slots["pace-old"], None)
    assert model.choose("", None) == model.choose("", "") == (model.slots["live"], None)


def test_the_record_of_an_answer_names_experiment_arm_and_the_hash_of_the_key() -> None:
    model = a_model()
    key = next(key for key, arm in arms_of(model).items() if arm == "old")
    slot, exposure = model.choose("", key)
    assert exposure is not None

    answer = answer_one(slot, {"rooms": 3, "size": 50.0}, "p1", 1.0, exposure)
    record = decode_prediction(LoggedEvent(0, "p1", 1, 1, _body(answer, 0)))

    assert (record.arm, record.key_place, record.channel, record.version) == (
        "pace/old",
        exposure.place,
        "pace-old",
        7,
    )
    assert key.encode() not in msgspec.json.encode(record)


def test_an_answer_in_no_arm_is_recorded_as_before() -> None:
    answer = answer_one(slot_with(9), {"rooms": 3, "size": 50.0}, "p1", 1.0)

    assert b"arm" not in _body(answer, 0)
    assert b"key" not in _body(answer, 0)
