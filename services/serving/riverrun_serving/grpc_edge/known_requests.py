"""Requests of a form that was answered before, read in a short way.

One caller's requests for one row of numbers differ in the numbers and the id alone. With generated messages
a tensor costs four objects, and a row of twenty tensors more than its prediction; here the rest of the
message is compared with one that was read whole. What differs in a single byte goes the long way.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import unpack
from typing import Any, NamedTuple

from riverrun.core.errors import InvalidInput
from riverrun_serving.core.matrix import ALL_FEATURES
from riverrun_serving.core.tensors import Tensor
from riverrun_serving.grpc_edge import messages
from riverrun_serving.grpc_edge.converters import inputs_from
from riverrun_serving.grpc_edge.form import Form

MAX_BYTES = 16 << 10
MAX_FORMS = 256


@dataclass(frozen=True, slots=True)
class KnownRequest:
    """One form of requests: for one row of FP64 features, with no parameters and all outputs wanted.

    `names` are the features in the order of their numbers; None for one tensor of all of them.
    """

    form: Form
    model: str
    version: str
    has_id: bool
    raw: bool
    names: tuple[str, ...] | None


class ReadRow(NamedTuple):
    """What a request of a known form asks."""

    request: KnownRequest
    id: str
    values: tuple[float, ...]


class KnownRequests:
    """The forms of the requests seen lately; all are forgotten when there are too many."""

    def __init__(self) -> None:
        self._by_size: dict[int, list[KnownRequest]] = {}
        self._count = 0

    def read(self, raw: bytes) -> ReadRow | None:
        """What `raw` asks, exactly as the long way reads it; None where its form is not known."""
        for known in self._by_size.get(len(raw), ()):
            gaps = known.form.read(raw)
            if gaps is None:
                continue
            given_id = ""
            if known.has_id:
                try:
                    given_id = gaps[0].decode()
                except UnicodeDecodeError:
                    return None
                gaps = gaps[1:]
            numbers = gaps[0] if len(gaps) == 1 else b"".join(gaps)
            return ReadRow(known, given_id, unpack(f"<{len(numbers) // 8}d", numbers))
        return None

    def learn(self, raw: bytes, request: Any) -> None:
        """Know the form of `raw`, which is `request`, from now on, if it is one for the short way."""
        if len(raw) > MAX_BYTES or self.read(raw) is not None:
            return
        known = _known(raw, request)
        if known is None:
            return
        if self._count >= MAX_FORMS:
            self._by_size, self._count = {}, 0
        self._by_size.setdefault(len(raw), []).append(known)
        self._count += 1


def _known(raw: bytes, request: Any) -> KnownRequest | None:
    if request.parameters or request.outputs or any(given.parameters for given in request.inputs):
        return None
    # A writer with other habits than protobuf's own libraries.
    if request.SerializeToString() != raw:
        return None
    try:
        tensors = inputs_from(request)
    except InvalidInput:
        return None
    if not tensors or any(tensor.datatype != "FP64" for tensor in tensors):
        return None
    is_matrix = len(tensors) == 1 and tensors[0].name == ALL_FEATURES and len(tensors[0].shape) == 2
    if not (_is_one_row(tensors[0]) if is_matrix else _are_one_value_each(tensors)):
        return None
    form = Form(_filled(request, "a", b"\x11"), _filled(request, "b", b"\x22"))
    id_sizes = (len(request.id.encode()),) if request.id else ()
    if sum(form.gaps) != sum(id_sizes) + 8 * sum(len(tensor.values) for tensor in tensors):
        return None
    if form.gaps[: len(id_sizes)] != id_sizes or form.read(raw) is None:
        return None
    return KnownRequest(
        form,
        request.model_name,
        request.model_version,
        bool(request.id),
        bool(request.raw_input_contents),
        None if is_matrix else tuple(tensor.name for tensor in tensors),
    )


def _is_one_row(tensor: Tensor) -> bool:
    return tensor.shape[0] == 1 and tensor.shape[1] > 0


def _are_one_value_each(tensors: list[Tensor]) -> bool:
    shapes = {tensor.shape for tensor in tensors}
    return shapes <= {(1,), (1, 1)} and len({tensor.name for tensor in tensors}) == len(tensors)


def _filled(request: Any, letter: str, byte: bytes) -> bytes:
    """`request` with its id made of `letter`, and its numbers of `byte`."""
    filled = messages.ModelInferRequest()
    filled.CopyFrom(request)
    filled.id = letter * len(request.id.encode())
    number = unpack("<d", 8 * byte)
    for position, content in enumerate(request.raw_input_contents):
        filled.raw_input_contents[position] = byte * len(content)
    for given in filled.inputs:
        if given.HasField("contents"):
            given.contents.fp64_contents[:] = number * len(given.contents.fp64_contents)
    return bytes(filled.SerializeToString())
