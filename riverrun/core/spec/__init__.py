"""Model specs: what one YAML file says of a model, checked without importing River or torch."""

from riverrun.core.spec.labels import LabelSpec, PredictionsSpec
from riverrun.core.spec.model_spec import ModelSpec, TaskName
from riverrun.core.spec.policies import PublishSpec, SyncSpec
from riverrun.core.spec.source import parse_spec

__all__ = ["LabelSpec", "ModelSpec", "PredictionsSpec", "PublishSpec", "SyncSpec", "TaskName", "parse_spec"]
