"""Write the Grafana dashboard of the chart: `python scripts/generate_dashboard.py [--check]`.

One line here is one panel. ``$pods`` in a query stands for the labels that select the pods of a release.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parent.parent / "deploy/helm/riverrun/files/dashboard.json"
PODS = 'namespace="$namespace", pod=~"$release-.*"'
WIDTH, HEIGHT, COLUMNS = 6, 7, 4


@dataclass(frozen=True, slots=True)
class Panel:
    """A graph: queries with what each is called, and the unit they share."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]


def rate(title: str, unit: str, metric: str, by: str) -> Panel:
    """How fast a counter grows, for each combination of the labels `by`."""
    return Panel(title, unit, ((f"sum by ({by}) (rate({metric}{{$pods}}[1m]))", _legend(by)),))


def latency(title: str, metric: str, where: str = "") -> Panel:
    """The median and the 99th percentile of a histogram of seconds; of the series `where` alone."""
    chosen = f"{{$pods, {where}}}" if where else "{$pods}"
    grown = f"sum by (le) (rate({metric}_bucket{chosen}[1m]))"
    return Panel(
        title, "s", tuple((f"histogram_quantile({q}, {grown})", f"p{q * 100:g}") for q in (0.5, 0.99))
    )


def value(title: str, unit: str, metric: str, by: str) -> Panel:
    """A gauge, for each combination of the labels `by`."""
    return Panel(title, unit, ((f"max by ({by}) ({metric}{{$pods}})", _legend(by)),))


def _legend(by: str) -> str:
    return " ".join(f"{{{{{label.strip()}}}}}" for label in by.split(","))


ANSWERED = 'code=~"200|OK", route=~".*:predict|.*/infer|Model.*Infer"'
"""Predictions that were answered."""

ROWS: dict[str, tuple[Panel, ...]] = {
    "What clients see": (
        rate("Predictions", "reqps", "riverrun_serving_predictions_total", "model"),
        latency("From a prediction's arrival to its answer", "riverrun_serving_request_seconds", ANSWERED),
        rate("Requests by route", "reqps", "riverrun_serving_request_seconds_count", "route"),
        rate("Requests by model and code", "reqps", "riverrun_serving_request_seconds_count", "model, code"),
        rate("Refused", "reqps", "riverrun_serving_refused_total", "reason"),
        rate("Feedback", "reqps", "riverrun_serving_feedback_total", "outcome"),
    ),
    "How fresh it is": (
        latency("From a label to weights that learned it", "riverrun_serving_freshness_seconds"),
        value("Since last known to be the newest", "s", "riverrun_serving_age_seconds", "pod, model"),
        value("Version that answers", "none", "riverrun_serving_version", "pod, model"),
        rate("Versions that could not be taken", "ops", "riverrun_serving_swap_failures_total", "pod"),
        value("Generation applied", "none", "riverrun_serving_generation", "pod, model"),
        rate("Versions taken", "ops", "riverrun_serving_swaps_total", "pod"),
        latency("Building the next version", "riverrun_serving_apply_seconds"),
        rate("Weights received", "Bps", "riverrun_serving_sync_bytes_total", "pod"),
    ),
    "What is learned": (
        rate("Examples", "ops", "riverrun_trainer_examples_learned_total", "model"),
        value("Events that wait", "none", "riverrun_trainer_log_lag_events", "model"),
        value("Prequential metrics", "none", "riverrun_trainer_prequential_metric", "model, metric"),
        value(
            "Share of time that publishing takes", "percentunit", "riverrun_trainer_publish_share", "model"
        ),
        rate("Events that cannot be learned", "ops", "riverrun_trainer_dead_lettered_total", "model"),
        rate("Versions published", "ops", "riverrun_trainer_versions_published_total", "model"),
        latency("From encoding to acknowledged", "riverrun_trainer_publish_seconds"),
        value("Version published", "none", "riverrun_trainer_version", "model"),
    ),
    "What is kept": (
        rate("Pushes", "ops", "riverrun_param_server_pushes_total", "outcome"),
        latency("Push", "riverrun_param_server_push_seconds"),
        rate("Events appended", "ops", "riverrun_event_log_appended_total", "stream"),
        latency("Append", "riverrun_event_log_append_seconds"),
        value("On disk", "bytes", "riverrun_param_server_store_bytes", "pod"),
        value("Watchers", "none", "riverrun_param_server_watchers", "pod"),
        rate("Pulls", "ops", "riverrun_param_server_pulls_total", "kind"),
        rate("Events let go, the disk being full", "ops", "riverrun_event_log_let_go_total", "stream"),
    ),
}


def dashboard() -> dict[str, Any]:
    """The whole dashboard, as Grafana imports it."""
    panels: list[dict[str, Any]] = []
    top = 0
    for title, row in ROWS.items():
        panels.append({"type": "row", "title": title, "gridPos": {"x": 0, "y": top, "w": 24, "h": 1}})
        top += 1
        for number, panel in enumerate(row):
            place = {"x": number % COLUMNS * WIDTH, "y": top + number // COLUMNS * HEIGHT}
            panels.append(_graph(panel, place | {"w": WIDTH, "h": HEIGHT}))
        top += -(-len(row) // COLUMNS) * HEIGHT
    for number, panel_json in enumerate(panels, 1):
        panel_json["id"] = number
    return {
        "title": "riverrun",
        "uid": "riverrun",
        "tags": ["riverrun"],
        "schemaVersion": 41,
        "refresh": "10s",
        "time": {"from": "now-30m", "to": "now"},
        "templating": {"list": _variables()},
        "panels": panels,
    }


def _graph(panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    return {
        "type": "timeseries",
        "title": panel.title,
        "gridPos": place,
        "datasource": {"type": "prometheus", "uid": "$datasource"},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + number), "expr": query.replace("$pods", PODS), "legendFormat": legend}
            for number, (query, legend) in enumerate(panel.queries)
        ],
    }


def _variables() -> list[dict[str, Any]]:
    query = 'label_values(riverrun_param_server_store_bytes{namespace="$namespace"}, pod)'
    return [
        {"name": "datasource", "type": "datasource", "query": "prometheus"},
        {
            "name": "namespace",
            "type": "query",
            "datasource": {"type": "prometheus", "uid": "$datasource"},
            "query": "label_values(riverrun_param_server_store_bytes, namespace)",
            "refresh": 2,
        },
        {
            "name": "release",
            "type": "query",
            "datasource": {"type": "prometheus", "uid": "$datasource"},
            "query": query,
            "regex": "/(.*)-param-server-0/",
            "refresh": 2,
        },
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when it differs")
    text = json.dumps(dashboard(), indent=1) + "\n"
    if not parser.parse_args().check:
        TARGET.write_text(text)
    elif not TARGET.exists() or TARGET.read_text() != text:
        print(f"{TARGET.name} is not what its script gives: make chart")
        sys.exit(1)
    print(f"{TARGET.name} is what its script gives")


if __name__ == "__main__":
    main()
