"""The short way to write a response writes what the long way writes, whatever differs between two answers."""

from __future__ import annotations

import itertools

import pytest
from riverrun_serving.core.inference import Inferred, parameters_of
from riverrun_serving.core.predicting import Answer
from riverrun_serving.core.tensors import answer_tensors
from riverrun_serving.grpc_edge import messages
from riverrun_serving.grpc_edge.converters import response_from
from riverrun_serving.grpc_edge.known_responses import KnownResponses

from riverrun.core.predictions import Label, Prediction
from riverrun.core.spec import parse_spec
from tests.unit.serving.in_test_predictor import loaded

SPECS = {
    "binary": parse_spec("{name: m, task: binary, model: [linear_model.LogisticRegression]}"),
    "multiclass": parse_spec("{name: m, task: multiclass, model: [tree.HoeffdingTreeClassifier]}"),
    "regression": parse_spec("{name: m, task: regression, model: [linear_model.LinearRegression]}"),
}
PREDICTIONS: dict[str, list[tuple[Label, dict[Label, float] | None]]] = {
    "binary": [(True, {False: 0.25, True: 0.75}), (False, {False: 1.0, True: 0.0}), (True, {True: 1.0})],
    "multiclass": [("a", {"a": 0.5, "b": 0.25, "c": 0.25}), ("b", {"b": 1.0}), ("ünï", {"ünï": 1 / 3})],
    "regression": [(1.5, None), (-0.0, None), (1e300, None)],
}


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("task", SPECS)
def test_both_ways_write_the_same_message(task: str, raw: bool) -> None:
    # One writer for all, so that what it remembers of one answer is used for the next.
    writer = KnownResponses()
    cases = itertools.product(PREDICTIONS[task], ("x", "another", "ünï"), (0.0, 0.5, 123.456), (3, 4))

    for (value, shares), given_id, age_s, version in cases:
        answer = Answer(
            given_id, (Prediction(value, shares),), loaded(version, spec=SPECS[task]), "live", age_s
        )
        long_way = response_from(
            Inferred("m", str(version), given_id, parameters_of(answer), answer_tensors(SPECS[task], answer)),
            raw=raw,
        )

        written = writer.write("m", answer, raw=raw)

        assert messages.ModelInferResponse.FromString(written) == long_way
