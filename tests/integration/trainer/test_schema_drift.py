"""D5: rows that no longer look as the spec says: each is learned, learned without what is odd, or set aside.

They are put into the log directly, as a producer would that knows another schema; serving checks rows too.
"""

from __future__ import annotations

import json

import pytest

from riverrun.core.events import NewEvent, Stream
from tests.integration.trainer.test_joining import letters
from tests.integration.trainer.trainer_stack import Stack, trainer

SPEC = """
name: toy
task: binary
model:
  - union:
      - [{compose.Select: [amount]}, preprocessing.StandardScaler]
      - [{compose.Select: [shop]}, preprocessing.OneHotEncoder]
  - linear_model.LogisticRegression
features: {amount: {type: float, min: 0}, shop: category, online: bool, needed: {type: int, required: true}}
"""

GOOD = {"amount": 1.5, "shop": "a", "online": True, "needed": 3}

LEARNED = {
    "as declared": GOOD,
    "a missing feature that the model does without": {"amount": 1.5, "shop": "a", "needed": 3},
    "an explicit null for it": GOOD | {"online": None},
    "a category never seen": GOOD | {"shop": "opened today"},
    "a whole number for a float": GOOD | {"amount": 2},
}

SET_ASIDE = {
    "a missing feature that the model needs": (
        {"amount": 1.5, "needed": 3},
        "features.shop: is missing, and the model cannot learn from the row",
    ),
    "a required feature missing": ({"amount": 1.5, "shop": "a"}, "features.needed: is required"),
    "a renamed feature": ({"amount": 1.5, "Shop": "a", "needed": 3}, "features.Shop"),
    "an extra feature": (GOOD | {"colour": "red"}, "features.colour"),
    "text for a number": (GOOD | {"amount": "1.5"}, "features.amount: expected a number"),
    "a number for a category": (GOOD | {"shop": 7}, "features.shop: expected a string"),
    "a number for a bool": (GOOD | {"online": 1}, "features.online: expected true or false"),
    "a fraction for a whole number": (GOOD | {"needed": 3.5}, "features.needed: expected a whole number"),
    "a number below its bound": (GOOD | {"amount": -1}, "features.amount"),
    "a list for a number": (GOOD | {"amount": [1]}, "features.amount: expected a number"),
}


async def append(stack: Stack, features: object, name: str) -> None:
    body = json.dumps({"features": features, "label": True}).encode()
    await stack.log.append("toy", Stream.EXAMPLES, [NewEvent(name, body)])


async def test_each_kind_of_odd_row_is_learned_or_set_aside_with_the_field_and_what_was_expected(
    stack: Stack,
) -> None:
    await stack.client.register_model(SPEC)
    for name, features in LEARNED.items():
        await append(stack, features, name)
    for name, (features, _) in SET_ASIDE.items():
        await append(stack, features, name)
    await append(stack, GOOD, "the last")

    async with trainer(stack.address):
        head = await stack.position(len(LEARNED) + len(SET_ASIDE) + 1)

    assert head.examples == len(LEARNED) + 1
    said = [reason for _, _, reason in await letters(stack)]
    assert len(said) == len(SET_ASIDE), said
    for reason, (name, (_, expected)) in zip(said, SET_ASIDE.items(), strict=True):
        assert reason.startswith(expected), name


@pytest.mark.parametrize("changed", ["shop: text", "shop: category, extra: float"])
async def test_another_schema_is_another_line_which_learns_beside_the_one_that_is_live(
    stack: Stack, changed: str
) -> None:
    await stack.client.register_model(SPEC)
    _, opened = await stack.client.register_model(SPEC.replace("shop: category", changed))

    async with trainer(stack.address):
        await append(stack, GOOD | ({"shop": "a"} if "text" in changed else {}), "one")
        await stack.position(1)

    (model,) = await stack.client.list_models()
    assert opened
    assert {channel.name: channel.follows for channel in model.channels} == {"live": 1, "candidate": 2}
