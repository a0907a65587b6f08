"""Responses for one row, written by filling in what differs from one to the next.

A response is two messages one after the other, which protobuf reads as one: what its version says of
itself, and the answer, which differs from others of its form in id, age and numbers.
"""

from __future__ import annotations

from struct import pack, unpack
from typing import Any

from riverrun_serving.core.inference import Inferred, parameters_of
from riverrun_serving.core.predicting import Answer
from riverrun_serving.core.tensors import Tensor, answer_tensors
from riverrun_serving.grpc_edge.converters import response_from
from riverrun_serving.grpc_edge.form import Form

MAX_FORMS = 256


class KnownResponses:
    """The forms of the responses written lately; all are forgotten when there are too many."""

    def __init__(self) -> None:
        self._heads: dict[tuple[str, int, str], bytes] = {}
        self._forms: dict[tuple[Any, ...], Form] = {}

    def write(self, model: str, answer: Answer, *, raw: bool) -> bytes:
        """The encoded response for `answer`, which is of one row; its outputs raw where the request was.

        Raises `NotReady` where the model has seen no class yet.
        """
        loaded = answer.loaded
        head = self._heads.get((model, loaded.version, answer.channel))
        if head is None:
            head = self._new_head(model, answer)
        prediction = answer.predictions[0]
        given_id, age = answer.id.encode(), f"{answer.age_s:.3f}".encode()
        shares = prediction.probabilities
        numbers = [] if shares is None else list(shares.values())
        label_type = loaded.spec.label_type
        value = prediction.value
        if label_type == "float" and value is not None:
            numbers.insert(0, float(value))
            value = 0.0
        # True equals 1 and is not the same: the label's type tells them apart.
        key = (raw, label_type, value, None if shares is None else tuple(shares), len(given_id), len(age))
        form = self._forms.get(key)
        if form is None:
            form = self._new_form(key, answer, raw)
        gaps = [given_id, age]
        packed = pack(f"<{len(numbers)}d", *numbers)
        for size in form.gaps[2:]:
            gaps.append(packed[:size])
            packed = packed[size:]
        return head + form.fill(gaps)

    def _new_head(self, model: str, answer: Answer) -> bytes:
        if len(self._heads) >= MAX_FORMS:
            self._heads.clear()
        parameters = parameters_of(answer)
        del parameters["age_seconds"]
        head = response_from(Inferred(model, str(answer.loaded.version), "", parameters, ()), raw=False)
        encoded: bytes = head.SerializeToString()
        self._heads[model, answer.loaded.version, answer.channel] = encoded
        return encoded

    def _new_form(self, key: tuple[Any, ...], answer: Answer, raw: bool) -> Form:
        if len(self._forms) >= MAX_FORMS:
            self._forms.clear()
        *_, id_size, age_size = key
        tensors = answer_tensors(answer.loaded.spec, answer)
        fillings = []
        for letter, byte in (("a", b"\x11"), ("b", b"\x22")):
            number = unpack("<d", 8 * byte)
            outputs = [_with(tensor, number) if tensor.datatype == "FP64" else tensor for tensor in tensors]
            inferred = Inferred("", "", letter * id_size, {"age_seconds": letter * age_size}, outputs)
            fillings.append(bytes(response_from(inferred, raw=raw).SerializeToString()))
        form = self._forms[key] = Form(*fillings)
        return form


def _with(tensor: Tensor, number: tuple[float, ...]) -> Tensor:
    return Tensor(tensor.name, tensor.datatype, tensor.shape, number * len(tensor.values), tensor.classes)
