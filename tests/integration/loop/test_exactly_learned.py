"""From socket to weights and back: every process answers exactly what a plain model says that learned the
same examples in order, also when every service was killed along the way.

Does not cover power cuts and full disks (tests/fault), nor labels without features.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from river import compose, linear_model, optim, preprocessing

from riverrun.client import Client
from riverrun.core.errors import Unavailable
from tests.stacks import Stack, eventually

EXAMPLES = 2000
PROBES = 25

# Thousands of labels, one after the other over REST: a busy machine takes minutes.
pytestmark = pytest.mark.timeout(400)

RIVER_SPEC = """\
name: plain
task: binary
model:
  - union:
      - [{compose.Select: [distance, speed]}, preprocessing.StandardScaler]
      - [{compose.Select: [carrier]}, preprocessing.OneHotEncoder]
  - linear_model.LogisticRegression: {optimizer: {optim.SGD: {lr: 0.05}}}
features: {distance: float, speed: float, carrier: category}
metrics: [ROCAUC, LogLoss]
publish: {continuous: true}
"""

TORCH_SPEC = """\
name: plain
task: regression
learner: torch
model: {mlp: {hidden: [16, 8], optimizer: {SGD: {lr: 0.01}}, standardise: false, seed: 7}}
features: {distance: float, speed: float}
publish: {continuous: true}
"""


def plain_river() -> Any:
    scaled = compose.Select("distance", "speed") | preprocessing.StandardScaler()
    encoded = compose.Select("carrier") | preprocessing.OneHotEncoder()
    return (scaled + encoded) | linear_model.LogisticRegression(optimizer=optim.SGD(0.05))


def river_stream(seed: int) -> Iterator[tuple[dict[str, Any], bool]]:
    chance = random.Random(seed)
    while True:
        features = {
            "distance": chance.gauss(900, 400),
            "speed": chance.gauss(0, 1),
            "carrier": chance.choice(["AA", "B6", "DL", "UA", "WN"]),
        }
        late = features["distance"] / 400 + features["speed"] + (features["carrier"] == "WN") > 2.4
        yield features, late


def feed(client: Client, examples: Sequence[tuple[Mapping[str, Any], Any]]) -> None:
    for number, (features, label) in enumerate(examples):
        client.feedback("plain", label, features=features, event_id=f"example-{number}")


def answers(url: str, stack: Stack, rows: list[Mapping[str, Any]]) -> list[Any]:
    with stack.client(url) as client:
        return [client.predict("plain", row) for row in rows]


def wait_until_learned(stack: Stack, count: int) -> int:
    """The version that learned `count` examples, once every serving process answers with it."""
    with stack.client() as client:
        eventually(
            lambda: client.versions("plain")[0].examples == count, within_s=60, what="all examples learned"
        )
        newest = client.versions("plain")[0].version
        eventually(
            lambda: (
                [reader.version for reader in client.readers("plain")].count(newest) == len(stack.servings)
            ),
            within_s=60,
            what="every process with the newest version",
        )
    return newest


def assert_answers_like(model: Any, stack: Stack, stream: Iterator[Any]) -> None:
    rows = [features for features, _ in itertools.islice(stream, PROBES)]
    expected = [model.predict_proba_one(row)[True] for row in rows]
    for url in stack.servings:
        found = [answer.probabilities["true"] for answer in answers(url, stack, rows)]
        assert found == pytest.approx(expected, abs=1e-12, rel=0)


def test_two_thousand_examples_are_learned_exactly_as_a_plain_river_model_learns_them(
    start_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    spec = tmp_path / "plain.yaml"
    spec.write_text(RIVER_SPEC)
    stack = start_stack(spec, replicas=2)
    stream = river_stream(seed=11)
    examples = list(itertools.islice(stream, EXAMPLES))
    model = plain_river()

    with stack.client() as client:
        feed(client, examples)
    for features, label in examples:
        model.learn_one(features, label)
    wait_until_learned(stack, EXAMPLES)

    assert_answers_like(model, stack, stream)


@pytest.mark.parametrize("count", [400, pytest.param(EXAMPLES, marks=pytest.mark.full)])
def test_the_same_holds_after_every_service_was_killed_along_the_way(
    count: int, start_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    spec = tmp_path / "plain.yaml"
    spec.write_text(RIVER_SPEC)
    stack = start_stack(spec, replicas=2)
    stream = river_stream(seed=12)
    examples = list(itertools.islice(stream, count))
    model = plain_river()
    victims = ["trainer", "param-server", "serving-0", "trainer", "serving-1", "param-server", "trainer"]
    stretch = count // (len(victims) + 1)

    with stack.client() as client:
        for start in range(0, count, stretch):
            for number in range(start, min(start + stretch, count)):
                features, label = examples[number]
                send_until_accepted(client, number, features, label)
            if victims:
                stack.kill(victims.pop(0))
    for features, label in examples:
        model.learn_one(features, label)
    wait_until_learned(stack, count)

    assert not victims
    assert_answers_like(model, stack, stream)


def send_until_accepted(client: Client, number: int, features: dict[str, Any], label: Any) -> None:
    """Send one example until it is acknowledged; its event id makes repeats count once."""

    def accepted() -> bool:
        try:
            client.feedback("plain", label, features=features, event_id=f"example-{number}")
        except Unavailable:
            return False
        return True

    eventually(accepted, within_s=60, what="an acknowledgement")


@pytest.mark.parametrize("count", [300, pytest.param(EXAMPLES, marks=pytest.mark.full)])
def test_a_torch_perceptron_is_learned_as_a_plain_loop_learns_it_also_when_every_service_is_killed(
    count: int, start_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    spec = tmp_path / "plain.yaml"
    spec.write_text(TORCH_SPEC)
    stack = start_stack(spec, replicas=2)
    chance = random.Random(13)
    rows = [{"distance": chance.gauss(0, 1), "speed": chance.gauss(0, 1)} for _ in range(count + PROBES)]
    labels = [2 * row["distance"] - row["speed"] ** 2 for row in rows[:count]]
    victims = ["trainer", "param-server", "serving-0"]
    undisturbed = count // 2
    stretch = (count - undisturbed) // len(victims)

    with stack.client() as client:
        feed(client, list(zip(rows[:undisturbed], labels, strict=False)))
    wait_until_learned(stack, undisturbed)
    assert_answers_like_plain_torch(stack, rows, labels[:undisturbed])

    with stack.client() as client:
        for number in range(undisturbed, count):
            send_until_accepted(client, number, rows[number], labels[number])
            if victims and number == count - stretch * len(victims):
                stack.kill(victims.pop(0))
    wait_until_learned(stack, count)

    assert not victims
    assert_answers_like_plain_torch(stack, rows, labels)


def assert_answers_like_plain_torch(
    stack: Stack, rows: list[dict[str, float]], labels: Sequence[float]
) -> None:
    """Every process answers for the last rows as a loop by hand that learned the first, which have labels."""
    expected = plain_torch(rows[: len(labels)], labels, rows[-PROBES:])
    for url in stack.servings:
        found = [answer.prediction for answer in answers(url, stack, list(rows[-PROBES:]))]
        assert found == pytest.approx(expected, abs=1e-6, rel=1e-6)


def plain_torch(
    rows: list[dict[str, float]], labels: Sequence[float], probes: list[dict[str, float]]
) -> list[float]:
    """What a hand-written loop that learned `rows` answers for `probes`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        network = torch.nn.Sequential(
            *(torch.nn.Linear(2, 16), torch.nn.ReLU()),
            *(torch.nn.Linear(16, 8), torch.nn.ReLU()),
            torch.nn.Linear(8, 1),
        )
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    for row, label in zip(numbers(rows), labels, strict=True):
        optimizer.zero_grad()
        loss = (network(row[None])[0, 0] - label) ** 2
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return [float(answer) for answer in network(numbers(probes))[:, 0]]


def numbers(rows: list[dict[str, float]]) -> torch.Tensor:
    """The inputs of the hand-written network."""
    return torch.tensor([[row["distance"], row["speed"]] for row in rows])
