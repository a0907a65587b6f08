"""What a good spec says, and which changes of it make another line."""

from __future__ import annotations

import pytest

from riverrun.core.spec import parse_spec

DESIGN = """
name: late-flights
task: binary
learner: river
model:
  - union:
      - [{compose.Select: [distance]}, preprocessing.StandardScaler]
      - [{compose.Select: [carrier, origin, dest]}, preprocessing.OneHotEncoder]
  - linear_model.LogisticRegression: {optimizer: {optim.SGD: {lr: 0.05}}}
features:
  distance: {type: float, min: 0}
  carrier: category
  origin: category
  dest: category
label: {type: bool, window: 48h, silence: ignore}
metrics: [ROCAUC, LogLoss]
publish: {every_events: 10, every: 1s}
sync: {mode: watch, min_interval: 0s, max_staleness: 10m, when_stale: serve}
"""


def test_the_spec_of_the_design_is_taken() -> None:
    spec = parse_spec(DESIGN)

    assert spec.label.window == 48 * 3600
    assert spec.features is not None
    assert spec.features["distance"].min == 0
    assert spec.publish.every_events == 10
    assert spec.sync.max_staleness == 600
    assert spec.metric_names == ("ROCAUC", "LogLoss")


def test_a_metric_with_arguments_keeps_the_name_it_was_given() -> None:
    spec = parse_spec(
        DESIGN.replace("[ROCAUC, LogLoss]", "[{RollingROCAUC: {window_size: 9}}, metrics.F1]").replace(
            "every: 1s", "on_metric: {metric: RollingROCAUC, change: 0.01}"
        )
    )

    assert spec.metric_names == ("RollingROCAUC", "metrics.F1")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("every_events: 10", "every_events: 20"),
        ("mode: watch, min_interval: 0s", "mode: watch, min_interval: 5s"),
        ("[ROCAUC, LogLoss]", "[Accuracy]"),
        ("window: 48h", "window: 24h"),
        ("name: late-flights", "name: other"),
    ],
)
def test_policies_and_metrics_change_in_place(old: str, new: str) -> None:
    assert parse_spec(DESIGN.replace(old, new)).digest() == parse_spec(DESIGN).digest()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("lr: 0.05", "lr: 0.06"),
        ("dest: category", "dest: text"),
        ("type: bool", "type: int"),
        ("LogisticRegression", "LinearRegression"),
    ],
)
def test_model_features_and_label_type_make_another_line(old: str, new: str) -> None:
    text = DESIGN.replace(old, new)
    if new == "LinearRegression":
        text = text.replace("binary", "regression").replace("type: bool", "type: float")
        text = text.replace("[ROCAUC, LogLoss]", "[MAE]")

    assert parse_spec(text).digest() != parse_spec(DESIGN).digest()


def test_the_digest_does_not_depend_on_how_the_text_is_laid_out() -> None:
    spread = DESIGN.replace(
        "  - linear_model.LogisticRegression: {optimizer: {optim.SGD: {lr: 0.05}}}",
        "  - linear_model.LogisticRegression:\n      # a comment\n      optimizer:\n        optim.SGD:\n"
        "          lr: 0.05",
    )

    assert parse_spec(spread).digest() == parse_spec(DESIGN).digest()
