"""A model in the words of Triton's configuration, for the clients that ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from riverrun.core.spec import ModelSpec
from riverrun_serving.core.matrix import ALL_FEATURES
from riverrun_serving.core.tensors import TensorInfo, input_tensors, output_tensors

BACKEND = "riverrun"
MAX_BATCH_SIZE = 0
"""Shapes have the rows in them."""


@dataclass(frozen=True, slots=True)
class ConfigInput:
    """An input, and whether a request may leave it out."""

    tensor: TensorInfo
    optional: bool

    @property
    def data_type(self) -> str:
        """Its datatype as a configuration names it."""
        return config_type(self.tensor.datatype)


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """What of a configuration has a meaning here."""

    name: str
    platform: str
    inputs: Sequence[ConfigInput]
    outputs: Sequence[TensorInfo]


def model_config(name: str, platform: str, spec: ModelSpec) -> ModelConfig:
    """The configuration of a model; one tensor for all features is optional, as it stands for the others."""
    schema = spec.features or {}
    inputs = [
        ConfigInput(tensor, tensor.name == ALL_FEATURES or not schema[tensor.name].required)
        for tensor in input_tensors(spec)
    ]
    return ModelConfig(name, platform, inputs, output_tensors(spec))


def config_type(datatype: str) -> str:
    """The protocol's `datatype` as a configuration names it."""
    return "TYPE_STRING" if datatype == "BYTES" else f"TYPE_{datatype}"
