"""Open Inference Protocol tensors as rows of features, and answers as tensors (DECISIONS 30)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from riverrun.core.errors import InvalidInput, NotReady
from riverrun.core.predictions import FeatureValue, Label
from riverrun.core.spec import ModelSpec
from riverrun.core.spec.features import MAX_FEATURES, FeatureType, shown, shown_name
from riverrun_serving.core.matrix import ALL_FEATURES, takes_matrix
from riverrun_serving.core.predicting import MAX_ROWS, Answer

FLOATS = frozenset({"FP16", "FP32", "FP64"})
INTEGERS = frozenset({"INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"})
DATATYPES = FLOATS | INTEGERS | {"BOOL", "BYTES"}


_DATATYPE: dict[FeatureType, str] = {
    "float": "FP64",
    "int": "INT64",
    "bool": "BOOL",
    "category": "BYTES",
    "text": "BYTES",
}
_TAKEN: dict[FeatureType, frozenset[str]] = {
    "float": FLOATS | INTEGERS,
    "int": INTEGERS,
    "bool": frozenset({"BOOL"}),
    "category": frozenset({"BYTES"}),
    "text": frozenset({"BYTES"}),
}
_LABEL_DATATYPE = {"bool": "BOOL", "int": "INT64", "category": "BYTES", "float": "FP64"}


class Tensor(msgspec.Struct, frozen=True):
    """A named tensor. `values` are flat, row by row, as many as `shape` says; BYTES values are strings."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: Sequence[Any]
    classes: str = ""


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """What metadata says of a tensor; -1 is a dimension of any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]


def input_tensors(spec: ModelSpec) -> list[TensorInfo]:
    """The inputs that a model declares; none for a model without a feature schema, which takes any."""
    schema = spec.features or {}
    inputs = [TensorInfo(name, _DATATYPE[feature.type], (-1,)) for name, feature in schema.items()]
    if schema and takes_matrix(spec):
        inputs.append(TensorInfo(ALL_FEATURES, "FP64", (-1, len(schema))))
    return inputs


def output_tensors(spec: ModelSpec) -> list[TensorInfo]:
    """The outputs that a model answers with."""
    outputs = [TensorInfo("prediction", _LABEL_DATATYPE[spec.label_type], (-1,))]
    if spec.is_classifier:
        outputs.append(TensorInfo("probabilities", "FP64", (-1, -1)))
    return outputs


def check_shape(name: str, datatype: str, shape: tuple[int, ...]) -> int:
    """The number of elements of `shape`; raises `InvalidInput` naming the tensor.

    `datatype` must be known, too. A shape is [rows], [rows, 1] or [rows, features].
    """
    if datatype not in DATATYPES:
        raise InvalidInput(_path(name, "datatype"), f"expected one of {', '.join(sorted(DATATYPES))}")
    if len(shape) == 1:
        count = shape[0]
    elif len(shape) == 2 and shape[1] >= 0:
        count = shape[0] * shape[1]
    else:
        count = -1
    if count < 0:
        raise InvalidInput(_path(name, "shape"), "expected [rows], [rows, 1] or [rows, features]")
    if count > MAX_ROWS * MAX_FEATURES:
        raise InvalidInput(_path(name, "shape"), "expected fewer elements")
    return count


def rows_from(spec: ModelSpec, inputs: Sequence[Tensor]) -> list[dict[str, FeatureValue]]:
    """One dict of features per row, to be checked against the spec's features.

    Raises `InvalidInput` naming the tensor and what was expected.
    """
    if not inputs:
        raise InvalidInput("inputs", "expected at least one tensor")
    schema = spec.features
    if len(inputs) == 1 and inputs[0].name == ALL_FEATURES and schema and takes_matrix(spec):
        return _rows_from_matrix(schema, inputs[0])
    rows = inputs[0].shape[0]
    columns: dict[str, Sequence[FeatureValue]] = {}
    for tensor in inputs:
        feature = None if schema is None else schema.get(tensor.name)
        if len(tensor.shape) == 2 and tensor.shape[1] != 1:
            raise InvalidInput(_path(tensor.name, "shape"), "expected one value per row: [rows] or [rows, 1]")
        if tensor.shape[0] != rows:
            sizes = sorted({one.shape[0] for one in inputs})
            raise InvalidInput("inputs", f"expected the same number of rows in each tensor, got {sizes}")
        if feature is not None and tensor.datatype not in _TAKEN[feature.type]:
            raise InvalidInput(
                _path(tensor.name, "datatype"),
                f"expected {_DATATYPE[feature.type]} for a {feature.type} feature",
            )
        columns[tensor.name] = tensor.values
    if len(columns) < len(inputs):
        raise InvalidInput("inputs", "expected each tensor once")
    if not 0 < rows <= MAX_ROWS:
        raise InvalidInput("inputs", f"expected 1 to {MAX_ROWS} rows, got {rows}")
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _path(name: str, part: str) -> str:
    return f"inputs.{shown_name(name)}.{part}"


def _rows_from_matrix(schema: Any, tensor: Tensor) -> list[dict[str, FeatureValue]]:
    width = len(schema)
    if len(tensor.shape) != 2 or tensor.shape[1] != width:
        raise InvalidInput(
            _path(ALL_FEATURES, "shape"), f"expected [rows, {width}], the features in the spec's order"
        )
    if tensor.datatype not in FLOATS | INTEGERS:
        raise InvalidInput(_path(ALL_FEATURES, "datatype"), "expected FP64")
    if not 0 < tensor.shape[0] <= MAX_ROWS:
        raise InvalidInput(
            _path(ALL_FEATURES, "shape"), f"expected 1 to {MAX_ROWS} rows, got {tensor.shape[0]}"
        )
    values = tensor.values
    rows = [
        dict(zip(schema, values[begin : begin + width], strict=True))
        for begin in range(0, len(values), width)
    ]
    for name in [name for name, feature in schema.items() if feature.type == "int"]:
        for row in rows:
            row[name] = _whole(row[name])
    return rows


def _whole(value: Any) -> Any:
    """A whole float as an int, all else as it came, for the check to judge."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def answer_tensors(spec: ModelSpec, answer: Answer) -> list[Tensor]:
    """The outputs of `answer`; `probabilities` only from a model that gives shares.

    Raises `NotReady` where the model has seen no class yet.
    """
    rows = len(answer.predictions)
    values: list[Label] = []
    for prediction in answer.predictions:
        if prediction.value is None:
            raise NotReady(f"model {spec.name}", "it has seen no class yet")
        values.append(prediction.value)
    datatype = _LABEL_DATATYPE[spec.label_type]
    outputs = [Tensor("prediction", datatype, (rows,), values)]
    if spec.is_classifier:
        seen: dict[Label, None] = {}
        for prediction in answer.predictions:
            seen.update(dict.fromkeys(prediction.probabilities or ()))
        classes = list(seen)
        if classes:
            shares = [
                (prediction.probabilities or {}).get(label, 0.0)
                for prediction in answer.predictions
                for label in classes
            ]
            named = _classes_text(spec.label_type, tuple(classes))
            outputs.append(Tensor("probabilities", "FP64", (rows, len(classes)), shares, classes=named))
    return outputs


@lru_cache(maxsize=1024)
def _classes_text(label_type: str, classes: tuple[Label, ...]) -> str:
    """Classes as a JSON list. The label type is part of the key, since True equals 1 and is not the same."""
    return json.dumps(classes)


def wanted_outputs(outputs: Sequence[Tensor], names: Sequence[str]) -> list[Tensor]:
    """The outputs called `names`, in that order; all where none is named. Raises `InvalidInput`."""
    if not names:
        return list(outputs)
    by_name = {tensor.name: tensor for tensor in outputs}
    for name in names:
        if name not in by_name:
            known = ", ".join(by_name)
            raise InvalidInput("outputs", f"expected names among {known}, got {shown(name)}")
    return [by_name[name] for name in names]
