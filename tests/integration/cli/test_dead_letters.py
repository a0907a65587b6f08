"""Dead letters by the command and the SDK: listed with their reason, given back once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from riverrun.client import Client
from riverrun.core.errors import NotFound
from riverrun.core.events import NewEvent, Stream
from riverrun.rpc.channels import open_channel
from riverrun.rpc.event_log import RemoteEventLog
from tests.integration.cli.conftest import ROW, SPEC, Cli
from tests.stacks import PATIENCE_S, Stack, eventually

Make = Callable[..., str]

NARROW = SPEC.replace("a: float", "a: {{type: float, max: 5}}")


async def append(server: str, model: str, *bodies: bytes) -> None:
    """Events past serving's own check, as another writer would."""
    async with open_channel(server) as channel:
        events = [NewEvent(f"e{n}", body) for n, body in enumerate(bodies)]
        await RemoteEventLog(channel, deadline_s=PATIENCE_S).append(model, Stream.EXAMPLES, events)


def with_letters(stack: Stack, client: Client, make: Make, *bodies: bytes) -> str:
    """A model that set these events aside."""
    name = make(spec=NARROW)
    asyncio.run(append(stack.server, name, *bodies))
    eventually(lambda: len(client.dead_letters(name)) == len(bodies), what="dead letters")
    return name


LARGE = b'{"features": {"a": 9, "b": 1, "c": 1}, "label": true}'
NONSENSE = b"\xff\x00"


def test_letters_are_listed_newest_first_with_reason_and_event(
    cli: Cli, client: Client, shared_stack: Stack, new_model: Make
) -> None:
    name = with_letters(shared_stack, client, new_model, LARGE, NONSENSE)

    nonsense, large = cli.json("dead-letters", name)

    assert (large["id"], large["stream"], large["offset"]) == ("dlq:examples:0", "examples", 0)
    assert "at most 5" in large["reason"]
    assert large["body"]["features"] == {"a": 9, "b": 1, "c": 1}
    assert (large["event_id"], large["replayed"]) == ("e0", False)
    assert large["time"] == large["received"]
    assert (nonsense["body"], nonsense["body_base64"]) == (None, "/wA=")
    assert [one["id"] for one in cli.json("dead-letters", name, "--reason", "AT MOST")] == [large["id"]]
    assert [one["id"] for one in cli.json("dead-letters", name, "--limit", "1")] == [nonsense["id"]]
    shown = cli("dead-letters", name).out
    assert "at most 5" in shown
    assert '"label": true' in shown


def test_letters_are_learned_after_all_once_the_spec_takes_them_and_once_only(
    cli: Cli, client: Client, shared_stack: Stack, new_model: Make
) -> None:
    name = with_letters(shared_stack, client, new_model, LARGE, NONSENSE)
    before = client.versions(name)[0]

    # The model is as it was: its event comes back, and is a new letter.
    [outcome] = [cli.json("dead-letters", name, "--replay", "--id", "dlq:examples:0")]
    again = eventually(lambda: client.dead_letters(name, reason="at most 5")[1:], what="a second letter")
    second = cli.json("dead-letters", name, "--replay", "--id", "dlq:examples:0")

    assert (outcome["replayed"], outcome["before"]) == (["dlq:examples:0"], [])
    assert outcome["undo"].startswith(f"riverrun reset {name}")
    assert (second["replayed"], second["before"]) == ([], ["dlq:examples:0"])
    assert [one.replayed for one in client.dead_letters(name, reason="at most 5")] == [False, True]
    assert [one.letter.id for one in again] == ["dlq:examples:0"]
    assert client.versions(name)[0].examples == before.examples == 0


def test_all_letters_are_given_back_at_once_and_a_second_time_nothing_is(
    client: Client, shared_stack: Stack, new_model: Make
) -> None:
    bodies = [b'{"features": {"a": 9}, "label": true, "weight": %d}' % n for n in range(600)]
    name = with_letters(shared_stack, client, new_model, *bodies[:50])

    first = client.replay_dead_letters(name)
    eventually(lambda: len(client.dead_letters(name, limit=1_000)) == 100, what="each of them once more")
    second = client.replay_dead_letters(name, ids=first.replayed)

    assert first.replayed == tuple(f"dlq:examples:{n}" for n in range(50))
    assert (second.replayed, len(second.before)) == ((), 50)


def test_what_is_not_there_is_named(cli: Cli, client: Client, new_model: Make) -> None:
    name = new_model()

    said = cli("dead-letters", name, "--id", "dlq:examples:9")

    assert (said.status, said.err) == (1, "riverrun: no dead letter 'dlq:examples:9'\n")
    assert "no model 'nobody'" in cli("dead-letters", "nobody").err
    assert cli("dead-letters", name, "--replay", "--watch").status == 2
    assert cli("dead-letters", name, "--watch", "--reason", "x").status == 2
    assert cli("dead-letters", name).out == "no dead letters\n"
    with pytest.raises(NotFound, match="dlq:examples:9"):
        client.replay_dead_letters(name, ids=["dlq:examples:9"])


def test_new_letters_are_told_as_they_come(client: Client, shared_stack: Stack, new_model: Make) -> None:
    name = new_model(spec=NARROW)
    found: list[str] = []

    def listen() -> None:
        letters = client.watch_dead_letters(name)
        found.append(next(letters).reason)
        letters.close()

    listening = threading.Thread(target=listen)
    listening.start()
    number = 0
    while listening.is_alive():
        # The first ones may come before it listens.
        asyncio.run(append(shared_stack.server, name, *([b"{}"] * (number + 1))))
        number += 1
        listening.join(0.5)
        assert number < 120

    assert found == ["features: is required"]
    assert client.predict(name, ROW | {"a": 1.0}).model_version
