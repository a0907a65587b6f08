"""`Client` has every verb of `AsyncClient`, with the same arguments."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from riverrun.client import AsyncClient, Client


def verbs(kind: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if name[0] != "_"}


def test_they_have_the_same_verbs() -> None:
    assert verbs(Client) == verbs(AsyncClient)


@pytest.mark.parametrize("name", sorted(verbs(AsyncClient) - {"close", "watch", "watch_dead_letters"}))
def test_a_verb_takes_the_same_arguments_and_says_the_same(name: str) -> None:
    asynchronous, blocking = getattr(AsyncClient, name), getattr(Client, name)

    assert inspect.signature(blocking) == inspect.signature(asynchronous)
    assert blocking.__doc__ == asynchronous.__doc__


def test_they_are_made_with_the_same_arguments() -> None:
    assert inspect.signature(Client) == inspect.signature(AsyncClient)


def test_the_sdk_imports_no_model_library_until_an_object_is_asked_for() -> None:
    code = (
        "import sys, riverrun.client; print([m for m in ('river', 'riverrun.learners') if m in sys.modules])"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert said == "[]\n"
