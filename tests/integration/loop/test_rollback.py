"""Rolling back: every process answers exactly as the older version did, and goes forward on resume.

Does not cover how soon, which `benchmarks.rollback` measures, nor automatic rollback, which comes with gates.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from riverrun.client import Client
from tests.stacks import Stack, eventually

PROBES = [{"a": float(a), "b": float(b), "c": 1.0} for a in range(-2, 3) for b in range(3)]


def probabilities(stack: Stack, url: str) -> tuple[set[int], list[Any]]:
    """The versions that answered, and what they said."""
    with stack.client(url) as client:
        found = [client.predict("phishing", row) for row in PROBES]
    return {answer.model_version for answer in found}, [answer.probabilities for answer in found]


def learn(client: Client, count: int, *, label: bool) -> int:
    """The version that learned `count` more examples."""
    before = client.versions("phishing")[0].examples
    for number in range(count):
        client.feedback("phishing", label, features={"a": number % 5 - 2.0, "b": number % 3, "c": 1.0})
    eventually(lambda: client.versions("phishing")[0].examples == before + count, what="learned")
    return client.versions("phishing")[0].version


def wait_for(client: Client, version: int, processes: int) -> None:
    eventually(
        lambda: (
            [r.version for r in client.readers("phishing") if r.channel == "live"] == [version] * processes
        ),
        what=f"version {version} everywhere",
    )


def test_served_predictions_go_back_exactly_and_forward_again_on_resume(stack: Stack) -> None:
    with stack.client() as client:
        older = learn(client, 40, label=True)
        wait_for(client, older, 2)
        before = {url: probabilities(stack, url)[1] for url in stack.servings}
        newer = learn(client, 40, label=False)
        wait_for(client, newer, 2)
        forward = {url: probabilities(stack, url)[1] for url in stack.servings}

        client.rollback("phishing", to=older)
        eventually(lambda: all(probabilities(stack, url)[0] == {older} for url in stack.servings))
        back = {url: probabilities(stack, url)[1] for url in stack.servings}
        while_held = learn(client, 10, label=False)
        still = {url: probabilities(stack, url) for url in stack.servings}
        client.resume("phishing")
        wait_for(client, while_held, 2)

        assert forward != before
        assert back == before
        assert all(still[url] == ({older}, before[url]) for url in stack.servings)
        assert all(probabilities(stack, url)[0] == {while_held} for url in stack.servings)


@pytest.mark.parametrize("examples", ["skip", "replay"])
def test_a_reset_learns_on_from_the_older_version(
    examples: str, start_stack: Callable[..., Stack], phishing_spec: Path
) -> None:
    stack = start_stack(phishing_spec)
    with stack.client() as client:
        older = learn(client, 30, label=True)
        newer = learn(client, 20, label=False)
        wait_for(client, newer, 1)
        after_newer = probabilities(stack, stack.servings[0])[1]

        client.rollback("phishing", to=older, reset=examples)
        client.resume("phishing")

        if examples == "replay":
            replayed = of_the_new_line(client, examples=50)
            assert replayed.version > newer
            wait_for(client, replayed.version, 1)
            assert probabilities(stack, stack.servings[0])[1] == after_newer
        else:
            client.feedback("phishing", True, features={"a": 1.0, "b": 1.0, "c": 1.0})
            first = of_the_new_line(client, examples=31)
            assert first.parent == older
            assert [(r.start, r.end) for r in first.skipped] == [(30, 50)]


def of_the_new_line(client: Client, *, examples: int) -> Any:
    """The version that learned so many. The line left behind has one with as many: so name the line."""
    return eventually(
        lambda: next(
            (m for m in client.versions("phishing") if m.line == 2 and m.examples == examples), None
        ),
        what=f"a version of the new line with {examples} examples",
    )
