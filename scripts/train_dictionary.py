"""Train a dictionary for small deltas: `python scripts/train_dictionary.py NUMBER`.

A released dictionary never changes, because old deltas need it. This script made the ones there are and
writes the next one, with a new number, when another one packs much better; `benchmarks/packing.py` tells.
The samples are bodies of deltas of River and torch models over made-up streams, none of which the
benchmark uses.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

from river.datasets import synth

from riverrun.codec.dictionary import DICTIONARY_BYTES, path_of
from riverrun.codec.packing import DICTIONARY_MAX, zstd
from riverrun.codec.wire import encode_body
from riverrun.core.spec import parse_spec
from riverrun.learners.build import build_learner

Example = tuple[dict[str, Any], Any]

VERSIONS = 7
AFTER = (1, 10, 100)
SMALLEST = 64

CLASSIFIERS = {
    "[preprocessing.StandardScaler, linear_model.LogisticRegression]": 500,
    "[{tree.HoeffdingTreeClassifier: {grace_period: 100}}]": 3_000,
    "[{tree.HoeffdingAdaptiveTreeClassifier: {seed: 1}}]": 2_000,
    "[{forest.ARFClassifier: {n_models: 3, seed: 1}}]": 500,
    "[{forest.AMFClassifier: {n_estimators: 1, seed: 1}}]": 100,
    "[{ensemble.SRPClassifier: {n_models: 2, seed: 1}}]": 300,
    "[naive_bayes.GaussianNB]": 500,
}
REGRESSORS = {
    "[preprocessing.StandardScaler, linear_model.LinearRegression]": 500,
    "[{tree.HoeffdingTreeRegressor: {grace_period: 100}}]": 1_000,
}


def streams() -> dict[str, Iterator[Example]]:
    """Numbers with a class of two each, by name; endless."""
    generators = {
        "agrawal": synth.Agrawal(seed=5),
        "hyperplane": synth.Hyperplane(seed=2, n_features=12),
        "led": synth.LED(seed=1),
        "sea": synth.SEA(seed=3),
    }
    return {
        name: (({str(key): float(value) for key, value in row.items()}, label) for row, label in generator)
        for name, generator in generators.items()
    }


def bodies(task: str, model: str, stream: Iterator[Example], events: int) -> Iterator[bytes]:
    """The bodies of a model's snapshot and of deltas after 1, 10 and 100 events, both sides of each."""
    metrics = "[MAE, RMSE]" if task == "regression" else "[ROCAUC, LogLoss, Accuracy]"
    learner = build_learner(parse_spec(f"{{name: m, task: {task}, model: {model}, metrics: {metrics}}}"))
    for more in (events, *(after for after in AFTER for _ in range(VERSIONS))):
        for row, label in islice(stream, more):
            truth = float(label) if task == "regression" else label in (True, 1, 5, 6, 7, 8, 9)
            learner.score(row, truth, learner.predict(row))
            learner.learn([row], [truth], [1.0])
        delta = learner.changes()
        yield from (encode_body(delta.serving), encode_body(delta.trainer))


def samples() -> list[bytes]:
    """All bodies that a dictionary is used for, in an order that does not depend on where they come from."""
    found = []
    for task, models in (("binary", CLASSIFIERS), ("regression", REGRESSORS)):
        for model, events in models.items():
            for name, stream in streams().items():
                taken = [
                    b for b in bodies(task, model, stream, events) if SMALLEST < len(b) <= DICTIONARY_MAX
                ]
                print(f"{model} on {name}: {len(taken)} samples", file=sys.stderr)
                found += taken
    random.Random(1).shuffle(found)
    return found


def main() -> None:
    """Write the dictionary of the given number; refuse one that is there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("number", type=int, help="the dictionary's number, 1 or more")
    path = path_of(parser.parse_args().number)
    if path.exists():
        sys.exit(f"{path.name} is released and never changes; give the next number")
    path.write_bytes(zstd.train_dict(samples(), DICTIONARY_BYTES).dict_content)
    print(f"written: {path.name}")


if __name__ == "__main__":
    main()
