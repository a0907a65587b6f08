"""Model specs: what one YAML file says of a model, checked without importing River or torch."""

from riverrun.core.spec.model_spec import LabelSpec, ModelSpec, TaskName
from riverrun.core.spec.policies import PublishSpec, SyncSpec
from riverrun.core.spec.source import parse_spec

__all__ = ["LabelSpec", "ModelSpec", "PublishSpec", "SyncSpec", "TaskName", "parse_spec"]
