"""`riverrun replay` against a running stack."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from riverrun.client import Client
from tests.integration.cli.conftest import Cli, answers_with
from tests.stacks import eventually

Make = Callable[..., str]

PHISHING = """\
name: {name}
task: binary
model:
  - preprocessing.StandardScaler
  - linear_model.LogisticRegression
metrics: [ROCAUC]
publish: {{every_events: 10, every: 100ms}}
"""

CLASSES = """\
name: {name}
task: multiclass
model:
  - preprocessing.StandardScaler
  - multiclass.OneVsRestClassifier: {{classifier: linear_model.LogisticRegression}}
"""


def test_a_data_set_is_predicted_learned_and_scored(cli: Cli, client: Client, new_model: Make) -> None:
    name = new_model(spec=PHISHING)

    summary = cli.json("replay", name, "phishing")
    eventually(lambda: client.versions(name)[0].examples == 1250, what="all examples learned")
    learned = client.versions(name)[0].version
    eventually(lambda: answers_with(client, name, learned), what="answers of all that was learned")
    again = cli.json("replay", name, "phishing")

    assert (summary["rows"], summary["labelled"], summary["accepted"]) == (1250, 1250, 1250)
    assert (summary["rejected"], summary["duplicates"], summary["unlabelled"]) == (0, 0, 0)
    # How much of it was learned while it was replayed is the machine's to say; all was before the second.
    assert summary["first_version"] == 1
    assert again["first_version"] == learned
    assert again["metrics"]["roc_auc"] > max(0.8, summary["metrics"]["roc_auc"])


def test_ids_of_the_file_make_a_second_replay_count_nothing(
    cli: Cli, client: Client, new_model: Make, tmp_path: Path
) -> None:
    name = new_model()
    path = tmp_path / "rows.csv"
    path.write_text("key,a,b,c,y\n" + "".join(f"k{n},{n},1,2,{n % 2}\n" for n in range(20)))

    first = cli.json("replay", name, str(path), "--label", "y", "--id", "key")
    second = cli.json("replay", name, str(path), "--label", "y", "--id", "key")

    assert (first["accepted"], first["duplicates"]) == (20, 0)
    assert (second["accepted"], second["duplicates"]) == (20, 20)
    eventually(lambda: client.versions(name)[0].examples == 20, what="each row learned once")


def test_labels_come_when_they_are_known(cli: Cli, client: Client, new_model: Make, tmp_path: Path) -> None:
    name = new_model()
    path = tmp_path / "rows.ndjson"
    rows = [
        {
            "at": f"2026-01-01T00:{n:02d}:00Z",
            "a": 1.0,
            "b": float(n),
            "c": 1.0,
            "y": None if n == 3 else n % 2,
        }
        for n in range(10)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))

    summary = cli.json(
        *("replay", name, str(path), "--label", "y", "--time", "at", "--delay", "20m", "--speed-up", "1200x")
    )

    assert (summary["rows"], summary["labelled"], summary["unlabelled"]) == (10, 9, 1)
    # The first label is known after the last prediction, so every answer is the untrained version's.
    assert (summary["first_version"], summary["last_version"]) == (1, 1)
    # Nine minutes of rows and twenty of delay, 1,200 times as fast.
    assert 1.4 < summary["seconds"] < 120


def test_a_rate_is_kept(cli: Cli, new_model: Make) -> None:
    name = new_model(spec=PHISHING)

    summary = cli.json("replay", name, "phishing", "--limit", "50", "--rate", "100/s")

    assert summary["rows"] == 50
    assert summary["seconds"] > 0.4


def test_classes_are_scored_too_and_tables_say_it(cli: Cli, new_model: Make) -> None:
    name = new_model(spec=CLASSES)

    said = cli("replay", name, "image-segments", "--limit", "400", "--batch", "16")

    assert said.status == 0, said.err
    assert "400 rows of image-segments predicted, 400 labels durable" in said.out
    assert "accuracy" in said.out
    assert f"undo: riverrun reset {name} --to 1 --skip" in said.out


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        ("a,y\n1,1\nx,1\n", [], "row 2, a: expected a number, got 'x'"),
        ("a,y\n1,maybe\n", [], "row 1, y: expected true or false"),
        ("a,z\n1,1\n", [], "--label: no column 'y'; columns: a, z"),
        ("c,y\n11,1\n", [], "row 1, c: expected at most 10"),
        ("a,y\n1,1\n", ["--time", "at"], "--time: no column 'at'"),
        ("a,y\n1,1\n", ["--speed-up", "9x"], "--speed-up: needs --time"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(
    content: str, options: list[str], said: str, cli: Cli, new_model: Make, tmp_path: Path
) -> None:
    name = new_model()
    path = tmp_path / "rows.csv"
    path.write_text(content)

    found = cli("replay", name, str(path), "--label", "y", *options)

    assert found.status == 1
    assert said in found.err
    assert found.err.count("\n") == 1
