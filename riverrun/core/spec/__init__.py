"""Model specs: what one YAML file says of a model, checked without importing River or torch."""

from riverrun.core.spec.gates import BoundsSpec, GateSpec, ProbesSpec, RollbackSpec
from riverrun.core.spec.judging import EvaluationSpec, HoldoutSpec, SliceSpec
from riverrun.core.spec.labels import LabelSpec, PredictionsSpec
from riverrun.core.spec.model_spec import ModelSpec, TaskName
from riverrun.core.spec.policies import PublishSpec, SyncSpec
from riverrun.core.spec.retraining import HistorySpec, RetrainSpec, TakeOverSpec
from riverrun.core.spec.source import parse_spec
from riverrun.core.spec.sources import SourcesSpec

__all__ = [
    "BoundsSpec",
    "EvaluationSpec",
    "GateSpec",
    "HistorySpec",
    "HoldoutSpec",
    "LabelSpec",
    "ModelSpec",
    "PredictionsSpec",
    "ProbesSpec",
    "PublishSpec",
    "RetrainSpec",
    "RollbackSpec",
    "SliceSpec",
    "SourcesSpec",
    "SyncSpec",
    "TakeOverSpec",
    "TaskName",
    "parse_spec",
]
