"""Models from elsewhere become versions, and versions objects of the user's own, over a running stack."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from river import linear_model, optim, preprocessing

from riverrun.client import AsyncClient, Client
from riverrun.core.errors import InvalidInput, NotFound
from riverrun.core.spec import parse_spec
from tests.integration.cli.conftest import ROW, SPEC, Cli, answers_with
from tests.stacks import PATIENCE_S, Stack, eventually

Make = Callable[..., str]

MODULE = """
from river import linear_model, preprocessing

def trained(examples=50, l2=0.0):
    model = preprocessing.StandardScaler() | linear_model.LogisticRegression(l2=l2)
    for n in range(examples):
        model.learn_one({"a": float(n % 7), "b": float(n % 3), "c": float(n % 5)}, n % 7 > n % 5)
    return model

ready = trained(80)
other = trained(l2=0.5)
nothing = None
"""

ROWS = [{"a": n / 3, "b": n / 7, "c": n / 9} for n in range(20)]


@pytest.fixture
def own_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Code of the user's own in the working directory; the module."""
    (tmp_path / "own_code.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    import own_code  # type: ignore[import-not-found]

    yield own_code
    del sys.modules["own_code"]


def candidates(client: Client, stack: Stack, model: str) -> list[float]:
    """What serving answers to all rows with candidate, over the Open Inference Protocol."""
    inputs = [
        {"name": name, "shape": [len(ROWS)], "datatype": "FP64", "data": [row[name] for row in ROWS]}
        for name in "abc"
    ]
    url = f"{stack.servings[0]}/v2/models/{model}/versions/candidate/infer"
    answer = httpx2.post(url, json={"inputs": inputs}, timeout=PATIENCE_S)
    outputs = answer.raise_for_status().json()["outputs"]
    shares = next(output for output in outputs if output["name"] == "probabilities")
    return list(shares["data"][1::2])


def test_an_imported_model_is_served_exactly_as_it_is_and_learned_on(
    cli: Cli, client: Client, shared_stack: Stack, new_model: Make, own_code: Any
) -> None:
    name = new_model(examples=3)

    outcome = cli.json("import", name, "--from", "own_code:ready")

    assert (outcome["version"], outcome["channel"]["name"], outcome["channel"]["follows_line"]) == (
        5,
        "candidate",
        2,
    )
    expected = [own_code.ready.predict_proba_one(row)[True] for row in ROWS]
    live = client.model(name).channel("live")
    assert live is not None
    assert live.version == 4
    manifest = client.version(name, 5)
    # The three examples that live had learned are left out, on record.
    assert [(r.start, r.end) for r in manifest.skipped] == [(0, 3)]
    ready = f"{shared_stack.servings[0]}/v2/models/{name}/versions/candidate/ready"
    eventually(lambda: httpx2.get(ready, timeout=PATIENCE_S).is_success, what="candidate")
    assert candidates(client, shared_stack, name) == expected

    promoted = cli.json("promote", name)
    assert promoted["channel"]["follows_line"] == 2
    eventually(lambda: answers_with(client, name, 5), what="the imported model live")
    answers = client.predict_many(name, ROWS)
    assert [(row.probabilities or {})["true"] for row in answers.predictions] == expected

    client.feedback(name, True, features=ROW)
    eventually(lambda: client.versions(name)[0].parent == 5, what="a version that was learned from it")
    own_code.ready.learn_one(dict(ROW), True)
    loaded = client.load(name)
    assert loaded.predict_proba_one(ROWS[3]) == own_code.ready.predict_proba_one(ROWS[3])


def test_a_spec_is_registered_with_it_and_a_function_is_called(
    cli: Cli, client: Client, own_code: Any, spec_file: Callable[[str], str]
) -> None:
    path = spec_file(SPEC.format(name="brought"))

    cli.json("import", "brought", "--from", "own_code:trained", "--file", path, "--replay")

    eventually(lambda: client.model("brought").channel("candidate"), what="candidate")
    loaded = client.load("brought", channel="candidate")
    assert loaded.predict_proba_one(ROW) == own_code.trained().predict_proba_one(ROW)


def test_what_is_not_as_the_spec_declares_is_refused_by_its_first_difference(
    cli: Cli, client: Client, new_model: Make, own_code: Any, spec_file: Callable[[str], str]
) -> None:
    name = new_model()
    path = spec_file(SPEC.format(name="unheard-of"))

    assert cli("import", name, "--from", "own_code:other").err == (
        "riverrun: model.LogisticRegression.l2: expected 0.0, as the spec has it, found 0.5\n"
    )
    assert "expected compose.pipeline.Pipeline" in cli("import", name, "--from", "own_code:nothing").err
    assert "no_such" in cli("import", name, "--from", "own_code:no_such").err
    assert "cannot import" in cli("import", name, "--from", "no_such:thing").err
    assert "expected module:object" in cli("import", name, "--from", "own_code").err
    assert "is a spec of unheard-of" in cli("import", name, "--from", "own_code:ready", "--file", path).err
    assert [line.number for line in client.model(name).lines] == [1]
    assert "unheard-of" not in [info.name for info in client.models()]


def test_any_kept_version_is_loaded_and_learns_on_as_the_trainer_did(client: Client, new_model: Make) -> None:
    name = new_model(examples=5)
    by_hand = preprocessing.StandardScaler() | linear_model.LogisticRegression(optim.SGD(0.01))

    for version in range(1, 7):
        loaded = client.load(name, version=version)
        assert loaded.predict_proba_one(ROWS[5]) == by_hand.predict_proba_one(ROWS[5])
        by_hand.learn_one(ROW | {"a": float(version - 1)}, version % 2 == 1)
    second = client.load(name, version=3)
    for number in (2, 3, 4):
        second.learn_one(ROW | {"a": float(number)}, number % 2 == 0)

    newest = client.load(name)
    assert second.predict_proba_one(ROWS[7]) == newest.predict_proba_one(ROWS[7])
    with pytest.raises(NotFound):
        client.load(name, version=99)
    with pytest.raises(InvalidInput):
        client.load(name, version=1, channel="live")


async def test_objects_are_awaited_too(shared_stack: Stack) -> None:
    spec = SPEC.format(name="awaited")
    async with AsyncClient(data=shared_stack.data, timeout_s=PATIENCE_S) as client:
        await client.apply(spec)
        model = preprocessing.StandardScaler() | linear_model.LogisticRegression()
        model.learn_one(ROW, True)

        imported = await client.import_model("awaited", model)
        loaded = await client.load("awaited", version=imported.version)

    assert loaded.predict_proba_one(ROWS[1]) == model.predict_proba_one(ROWS[1])
    assert parse_spec(spec).name == imported.model


def test_a_deleted_model_comes_back_as_it_was(
    cli: Cli, client: Client, new_model: Make, spec_file: Callable[[str], str]
) -> None:
    name = new_model(examples=2)
    before = client.versions(name)
    answer = client.predict(name, ROW)

    deleted = cli.json("delete", name)
    with pytest.raises(NotFound):
        client.versions(name)
    eventually(lambda: not answers_with(client, name, 3), what="no answer")
    [outcome] = cli.json("apply", "--file", spec_file(deleted["spec_yaml"]))

    assert outcome["opened_line"] is False
    assert client.versions(name) == before
    eventually(lambda: answers_with(client, name, 3), what="the same version again")
    assert client.predict(name, ROW).probabilities == answer.probabilities
    client.feedback(name, True, features=ROW)
    eventually(lambda: client.versions(name)[0].examples == 3, what="learning that goes on")
