"""What a spec may say of gates, holdouts and slices, and how wrong ones are refused."""

from __future__ import annotations

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


def test_sources_are_a_policy_with_a_window_of_a_thousand() -> None:
    found = spec("sources: {feature: carrier, share: 20%}")

    assert found.sources is not None
    assert (found.sources.feature, found.sources.share, found.sources.over) == ("carrier", 0.2, 1_000)
    assert found.digest() == spec("").digest()


def test_slices_are_names_or_mappings_in_the_schema() -> None:
    items = json_schema()["properties"]["slices"]["items"]

    assert items == {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/SliceSpec"}]}
