"""What a spec may say of gates, holdouts and slices, and how wrong ones are refused."""

from __future__ import annotations

import pytest

from riverrun.core.errors import InvalidSpec
from riverrun.core.spec import ModelSpec, parse_spec
from riverrun.core.spec.schema import json_schema

MODEL = """{name: toy, task: binary, model: [linear_model.LogisticRegression], metrics: [ROCAUC, LogLoss],
features: {carrier: category, distance: float, late: bool}, %s}"""


def spec(keys: str) -> ModelSpec:
    return parse_spec(MODEL % keys)


def test_without_a_word_of_them_only_bounds_hold_and_nothing_is_held_out() -> None:
    plain = spec("")

    assert (plain.gate.mode, plain.gate.rollback, plain.gate.bounds.probes) == ("off", None, None)
    assert (plain.gate.bounds.norm, plain.gate.bounds.step) == (1e12, 1e6)
    assert (plain.holdout.share, plain.slices) == (0, ())


def test_they_are_policies_and_no_part_of_the_models_identity() -> None:
    changed = spec("gate: {mode: shadow}, holdout: {share: 1%}, slices: [carrier]")

    assert changed.digest() == spec("").digest()


def test_slices_are_features_or_features_with_edges() -> None:
    found = spec("slices: [carrier, {feature: distance, edges: [100, 1000]}]").slices

    assert [(one.feature, one.edges) for one in found] == [("carrier", ()), ("distance", (100, 1000))]


def test_a_bound_is_breached_beyond_it() -> None:
    below = spec("gate: {rollback: {metric: ROCAUC, below: 0.6}}").gate.rollback
    above = spec("gate: {rollback: {metric: LogLoss, above: 0.7}}").gate.rollback

    assert below is not None
    assert above is not None
    assert [below.is_breached_by(value) for value in (0.59, 0.6, 0.61)] == [True, False, False]
    assert [above.is_breached_by(value) for value in (0.69, 0.7, 0.71)] == [False, False, True]


def test_slices_are_names_or_mappings_in_the_schema() -> None:
    items = json_schema()["properties"]["slices"]["items"]

    assert items == {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/SliceSpec"}]}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("gate: {window: 100}", "gate.window: goes with mode shadow or enforce"),
        ("gate: {mode: shadow, window: 5}", "gate.window"),
        ("gate: {mode: on}", "gate.mode"),
        ("gate: {mode: shadow, alpha: 0}", "gate.alpha"),
        ("gate: {mode: shadow, margin: 1}", "gate.margin"),
        ("gate: {on_refusal: forget}", "gate.on_refusal"),
        ("gate: {bounds: {norm: 0}}", "gate.bounds.norm"),
        ("gate: {bounds: {step: .inf}}", "gate.bounds.step"),
        ("gate: {bounds: {probes: {rows: 0}}}", "gate.bounds.probes.rows"),
        ("gate: {bounds: {probes: {change: 2}}}", "gate.bounds.probes.change: expected a percentage"),
        ("gate: {rollback: {metric: ROCAUC}}", "gate.rollback: give exactly one of below and above"),
        ("gate: {rollback: {metric: ROCAUC, below: 1, above: 2}}", "gate.rollback: give exactly one"),
        ("gate: {rollback: {metric: MAE, below: 1}}", "gate.rollback.metric: MAE is not among metrics"),
        ("gate: {mode: shadow, holdout_margin: 0.1}", "gate.holdout_margin: needs a holdout with a share"),
        ("holdout: {share: 0.1}", "holdout.share: expected a percentage"),
        ("holdout: {history: 0}", "holdout.history"),
        ("slices: carrier", "slices: expected a list of at most 16 features"),
        ("slices: [origin]", "slices.0: origin is not among features"),
        ("slices: [carrier, carrier]", "slices.1: carrier is given twice"),
        ("slices: [distance]", "slices.0: distance is a number: give edges"),
        ("slices: [{feature: distance, edges: [2, 1]}]", "slices.0.edges: expected rising numbers"),
        ("slices: [{feature: carrier, edges: [2]}]", "slices.0.edges: goes with numbers only"),
        ("slices: [{feature: carrier, values: 0}]", "slices.0.values"),
    ],
)
def test_what_is_wrong_is_named(keys: str, said: str) -> None:
    with pytest.raises(InvalidSpec, match=said.replace(".", r"\.")):
        spec(keys)
