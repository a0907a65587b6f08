"""Rows as tensors, by the schema of a spec."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from riverrun.core.errors import InvalidInput
from riverrun.core.predictions import Features
from riverrun.core.spec.features import FeatureSpec, shown

NAN = float("nan")


class FeatureEncoder:
    """Numbers as they are; categories, and the words of texts, hashed into buckets.

    The first tensor has one column for each float, int and bool feature, in the order of the schema, NaN
    where a row lacks it. The others say which buckets each row is in, as `torch.nn.EmbeddingBag` takes
    them: feature i of those that are hashed owns buckets ``i * buckets`` to ``(i + 1) * buckets - 1``, and
    a value's bucket is the CRC-32 of its UTF-8 text modulo `buckets`, the same in every process. Where the
    buckets are `shared` by all features, it is the CRC-32 of ``name=value``.
    """

    def __init__(self, schema: Mapping[str, FeatureSpec], buckets: int, *, shared: bool = False) -> None:
        self.numbers = [name for name, feature in schema.items() if feature.type in ("float", "int", "bool")]
        self.hashed = [
            (name, f.type == "text") for name, f in schema.items() if f.type in ("category", "text")
        ]
        self.buckets = buckets
        self._shared = shared

    @property
    def total_buckets(self) -> int:
        """The buckets of all hashed features together."""
        return self.buckets * (min(1, len(self.hashed)) if self._shared else len(self.hashed))

    @property
    def inputs(self) -> int:
        """How many tensors the inputs are."""
        return (1 if self.numbers else 0) + (2 if self.hashed else 0)

    def __call__(self, rows: Sequence[Features]) -> tuple[Tensor, ...]:
        """The inputs for `rows`. Raises `InvalidInput` naming a feature of the wrong type."""
        inputs: tuple[Tensor, ...] = ()
        if self.numbers:
            values = [[self._number(row, name) for name in self.numbers] for row in rows]
            inputs = (torch.tensor(values, dtype=torch.float64),)
        if self.hashed:
            places: list[int] = []
            starts: list[int] = []
            for row in rows:
                starts.append(len(places))
                places += self._places(row)
            inputs += (torch.tensor(places, dtype=torch.int64), torch.tensor(starts, dtype=torch.int64))
        return inputs

    def _number(self, row: Features, name: str) -> float:
        value = row.get(name)
        if value is None:
            return NAN
        if isinstance(value, str):
            raise InvalidInput(f"features.{name}", f"expected a number, got {shown(value)}")
        return float(value)

    def _places(self, row: Features) -> Iterable[int]:
        for i, (name, is_text) in enumerate(self.hashed):
            value = row.get(name)
            if value is None:
                continue
            if not isinstance(value, str):
                raise InvalidInput(f"features.{name}", f"expected a string, got {shown(value)}")
            prefix, first = (f"{name}=", 0) if self._shared else ("", i * self.buckets)
            for word in value.split() if is_text else (value,):
                yield first + zlib.crc32((prefix + word).encode("utf-8", "replace")) % self.buckets
