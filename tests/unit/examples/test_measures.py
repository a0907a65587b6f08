"""Histograms as the services expose them, between two moments."""

from __future__ import annotations

import pytest
from measures import Histogram
from prometheus_client import CollectorRegistry
from prometheus_client import Histogram as Metric
from prometheus_client.exposition import generate_latest


def exposed(*values: float, **labels: str) -> Histogram:
    registry = CollectorRegistry()
    metric = Metric("delay_seconds", "for the test", ["model"], buckets=(0.1, 0.2, 0.4), registry=registry)
    for i, value in enumerate(values):
        metric.labels(model=f"m{i % 2}").observe(value)
    return Histogram.parse(generate_latest(registry).decode(), "delay_seconds", **labels)


def test_labels_are_added_up() -> None:
    histogram = exposed(0.05, 0.15, 0.15, 0.3)

    assert histogram.count == 4
    assert histogram.mean == pytest.approx(0.1625)


def test_only_what_has_the_given_labels_counts() -> None:
    assert exposed(0.05, 0.15, 0.15, model="m1").count == 1
    assert exposed(0.05, 0.15, 0.15, model="m2").count == 0


def test_quantile_is_interpolated_in_its_bucket() -> None:
    histogram = exposed(0.15, 0.15, 0.15, 0.15)

    assert histogram.quantile(0.5) == pytest.approx(0.15)
    assert histogram.quantile(1.0) == pytest.approx(0.2)


def test_quantile_beyond_the_last_bound_is_that_bound() -> None:
    assert exposed(9.0).quantile(0.99) == 0.4


def test_only_what_came_since_counts() -> None:
    before = exposed(0.3, 0.3, 0.3)

    since = exposed(0.3, 0.3, 0.3, 0.05).since(before)

    assert since.count == 1
    assert since.mean == pytest.approx(0.05)
    assert (since.quantile(1.0) or 1) <= 0.1


def test_a_metric_that_is_not_there_has_no_values() -> None:
    nothing = Histogram.parse("", "delay_seconds")

    assert (nothing.count, nothing.mean, nothing.quantile(0.5)) == (0, None, None)
    assert exposed(0.05).since(nothing).count == 1
