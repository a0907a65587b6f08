"""What `riverrun up` says: tables and sentences for people, or lines of JSON."""

from __future__ import annotations

import datetime
import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from riverrun.cli.session import Session
from riverrun.client.run_folder import ServiceRecord
from riverrun.core.predictions import FeatureValue
from riverrun.core.spec import ModelSpec
from riverrun.core.spec.features import FeatureSpec


class Announcer:
    """Says what happens to a stack, on standard output."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def service(self, label: str, sentence: str) -> None:
        """Something happened to the process called `label`."""
        now = datetime.datetime.now().strftime("%H:%M:%S")
        self._session.answer(
            {"event": "service", "service": label, "what": sentence}, f"{now}  {label} {sentence}"
        )

    def waiting(self, what: Sequence[str]) -> None:
        """Not everything is ready yet; `what` says why."""
        self._session.answer({"event": "waiting", "for": list(what)}, "waiting: " + "; ".join(what))

    def ready(self, records: Sequence[ServiceRecord], specs: Sequence[ModelSpec]) -> None:
        """Everything answers."""
        table = Table(box=None, pad_edge=False)
        for column in ("service", "where", "pid"):
            table.add_column(column)
        for record in records:
            where = "  ".join(
                f"{kind} http://127.0.0.1:{port}" if kind in ("rest", "http") else f"{kind} 127.0.0.1:{port}"
                for kind, port in record.ports.items()
            )
            table.add_row(record.name, where, str(record.pid))
        rest_port = next(record.ports["rest"] for record in records if record.service == "serving")
        logs = f"logs: {Path(records[0].log).parent}/*.log"
        hints = [f"\ntry: {curl_line(spec, rest_port)}\n" for spec in specs[:1]]
        self._session.answer(
            {
                "event": "ready",
                "services": list(records),
                "models": [spec.name for spec in specs],
            },
            table,
            logs,
            *hints,
            "Ctrl-C stops everything.",
        )

    def stopping(self) -> None:
        """The stop has begun."""
        self._session.answer(
            {"event": "stopping"}, "stopping: serving, then the trainer, then the parameter server"
        )

    def stopped(self) -> None:
        """Nothing runs any more."""
        self._session.answer({"event": "stopped"}, "stopped")


def curl_line(spec: ModelSpec, rest_port: int) -> str:
    """A command that asks `spec`'s model for a prediction."""
    body = json.dumps({"features": example_features(spec)})
    return (
        f"curl -s http://127.0.0.1:{rest_port}/v1/models/{spec.name}:predict "
        f"-H 'content-type: application/json' -d {shlex.quote(body)}"
    )


def example_features(spec: ModelSpec) -> dict[str, FeatureValue]:
    """Features that `spec` takes, the first few where there are many."""
    features = dict(list((spec.features or {}).items())[:8])
    return {name: _example(feature) for name, feature in features.items()} or {"x": 1.0}


def _example(feature: FeatureSpec) -> FeatureValue:
    bound = feature.min if feature.min is not None else feature.max
    match feature.type:
        case "float":
            return 1.0 if bound is None else bound
        case "int":
            return 1 if bound is None else int(bound)
        case "bool":
            return True
    return "a"
