"""The model spec: one frozen value that describes a model whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from riverrun.core.catalogue import Misfit
from riverrun.core.errors import InvalidInput
from riverrun.core.predictions import Label
from riverrun.core.spec.drift import DriftSpec
from riverrun.core.spec.features import FeatureSchema, finite_number, shown
from riverrun.core.spec.gates import GateSpec
from riverrun.core.spec.judging import EvaluationSpec, HoldoutSpec, Slices, check_slices
from riverrun.core.spec.labels import LabelSpec, PredictionsSpec
from riverrun.core.spec.policies import PublishSpec, SpecPart, SyncSpec
from riverrun.core.spec.retraining import RetrainSpec
from riverrun.core.spec.row_check import RowCheck
from riverrun.core.spec.sources import SourcesSpec, check_sources
from riverrun.core.spec.triggers import check_triggers

TaskName = Literal["binary", "multiclass", "regression"]
ModelName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]

MAX_DETECTORS = 32
"""Each is fed every example, and has series of its own among the metrics."""

_DEFAULT_LABEL: Mapping[TaskName, Literal["bool", "category", "float"]] = {
    "binary": "bool",
    "multiclass": "category",
    "regression": "float",
}
_LABELS: Mapping[TaskName, frozenset[str]] = {
    "binary": frozenset({"bool", "int", "category"}),
    "multiclass": frozenset({"int", "category", "bool"}),
    "regression": frozenset({"float"}),
}


class ModelSpec(SpecPart):
    """A model: what it learns, from which features, and when its weights move.

    Exactly one of `model` (declared from the library's own classes) and `factory` (``package.module:name``
    of the users' own code) is given. An item of `metrics` is a name, or a name with its arguments.
    """

    name: ModelName
    task: TaskName
    learner: Literal["river", "torch"] = "river"
    model: Any = None
    factory: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")] | None = None
    features: FeatureSchema | None = None
    label: LabelSpec = LabelSpec()
    metrics: tuple[Any, ...] = ()
    publish: PublishSpec = PublishSpec()
    sync: SyncSpec = SyncSpec()
    predictions: PredictionsSpec = PredictionsSpec()
    retrain: RetrainSpec = RetrainSpec()
    drift: Annotated[tuple[DriftSpec, ...], Field(max_length=MAX_DETECTORS, strict=False)] = ()
    gate: GateSpec = GateSpec()
    holdout: HoldoutSpec = HoldoutSpec()
    slices: Slices = ()
    sources: SourcesSpec | None = None
    evaluation: EvaluationSpec = EvaluationSpec()

    @field_validator("metrics", mode="before")
    @classmethod
    def _list_as_tuple(cls, value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            raise ValueError("expected a list of metrics, such as [ROCAUC, LogLoss]")
        return tuple(value)

    @model_validator(mode="after")
    def _fits_together(self) -> ModelSpec:
        if (self.model is None) == (self.factory is None):
            raise ValueError("give exactly one of model and factory")
        if self.label_type not in _LABELS[self.task]:
            allowed = ", ".join(sorted(_LABELS[self.task]))
            raise Misfit(
                ("label", "type"), f"{self.label_type} does not fit task {self.task}; allowed: {allowed}"
            )
        if self.label.silence != "ignore" and self.negative is None:
            raise Misfit(
                ("label", "silence"), f"{self.label.silence} needs task binary and labels bool or int"
            )
        self._check_triggers()
        watched = self.publish.on_metric
        if watched is not None and watched.metric not in self.metric_names:
            raise Misfit(("publish", "on_metric", "metric"), f"{watched.metric} is not among metrics")
        rollback = self.gate.rollback
        if rollback is not None and rollback.metric not in self.metric_names:
            raise Misfit(("gate", "rollback", "metric"), f"{rollback.metric} is not among metrics")
        if self.gate.holdout_margin is not None and not self.holdout.share:
            raise Misfit(("gate", "holdout_margin"), "needs a holdout with a share")
        types = None if self.features is None else {name: f.type for name, f in self.features.items()}
        check_slices(self.slices, types)
        check_sources(self.sources, types)
        return self

    def _check_triggers(self) -> None:
        when = self.retrain.when
        try:
            check_triggers(when, [detector.called for detector in self.drift], self.metric_names)
        except Misfit as misfit:
            raise Misfit(("retrain", "when", *misfit.path), misfit.message) from misfit
        if self.retrain.warm and any(part.since_drift for trigger in when for part in trigger.parts()):
            raise Misfit(
                ("retrain", "warm"), "does not go with since_drift: live has learned what was before"
            )

    @property
    def label_type(self) -> str:
        """The label's type, with the task's default filled in."""
        return self.label.type or _DEFAULT_LABEL[self.task]

    @property
    def negative(self) -> Label | None:
        """The label that silence may stand for; None where no label is known to be the negative one."""
        if self.task != "binary":
            return None
        return {"bool": False, "int": 0}.get(self.label_type)

    @property
    def joins(self) -> bool:
        """Whether labels are joined to logged predictions by id."""
        return self.label.window is not None

    @cached_property
    def logged_share(self) -> float:
        """The share of predictions that is logged."""
        return self.predictions.sample if self.joins else 0.0

    @property
    def metric_names(self) -> tuple[str, ...]:
        """What the metrics are called, in their order: the names that the spec gives them."""
        return tuple(str(next(iter(m), "")) if isinstance(m, Mapping) else str(m) for m in self.metrics)

    @property
    def is_classifier(self) -> bool:
        """Whether predictions are classes."""
        return self.task != "regression"

    def identity(self) -> dict[str, Any]:
        """The keys that make a line: a spec that differs in one of them learns from scratch."""
        features = None
        if self.features is not None:
            features = {name: f.model_dump(mode="json") for name, f in self.features.items()}
        return {
            "task": self.task,
            "learner": self.learner,
            "model": self.model,
            "factory": self.factory,
            "features": features,
            "label.type": self.label_type,
        }

    def digest(self) -> bytes:
        """sha256 over `identity` as canonical JSON; hashed into every version of a line."""
        text = json.dumps(self.identity(), separators=(",", ":"), ensure_ascii=False)
        return sha256(text.encode()).digest()

    @cached_property
    def check_row(self) -> RowCheck:
        """Checks rows against `features`; made once."""
        return RowCheck(self.features)

    @cached_property
    def float_names(self) -> tuple[str, ...]:
        """The names of the features, in order, where all of them are floats; empty otherwise."""
        features = self.features or {}
        return tuple(features) if all(f.type == "float" for f in features.values()) else ()

    def check_label(self, label: Any, path: str = "label") -> Label:
        """`label` as the learner takes it; raises `InvalidInput` naming `path` and what was expected."""
        match self.label_type:
            case "bool":
                if isinstance(label, bool):
                    return label
                # 0 and 1 are how most data sets spell a binary label.
                if isinstance(label, int) and label in (0, 1):
                    return bool(label)
                raise InvalidInput(path, f"expected true or false (or 1 or 0), got {shown(label)}")
            case "int":
                if isinstance(label, bool) or not isinstance(label, int) or not -(2**63) <= label < 2**63:
                    raise InvalidInput(path, f"expected a whole number, got {shown(label)}")
                return label
            case "category":
                if not isinstance(label, str) or not 0 < len(label) <= 1024:
                    raise InvalidInput(path, f"expected a string of 1 to 1024 characters, got {shown(label)}")
                return label
        return float(finite_number(path, label))
