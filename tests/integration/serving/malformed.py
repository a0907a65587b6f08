"""Requests with something in them wrong: a value, a key, a header, or some of their bytes."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

from riverrun_serving.grpc_edge import messages

from tests.unit.codec.fuzz_mutations import changed, other_value


@dataclass(frozen=True, slots=True)
class RestRequest:
    """One POST."""

    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Malformed:
    """Makes requests for a model of float features; each follows from the seed and those made before."""

    def __init__(self, model: str, features: tuple[str, ...], label: Any, seed: int) -> None:
        self._chance = random.Random(seed)
        row: dict[str, Any] = dict.fromkeys(features, 12.5)
        tensor = {"name": "features", "datatype": "FP64", "shape": [1, len(row)], "data": list(row.values())}
        wanted = {"name": "prediction", "parameters": {"binary_data": True}}
        self._documents: list[tuple[str, Any]] = [
            (f"/v1/models/{model}:predict", {"features": row, "id": "x"}),
            (f"/v1/models/{model}:predict", {"instances": [row, {features[0]: 2}]}),
            (f"/v1/models/{model}/versions/live:predict", {"features": {features[0]: 1}}),
            (f"/v1/models/{model}:feedback", [{"id": "a", "features": row, "label": label, "weight": 2}]),
            (f"/v2/models/{model}/infer", {"id": "x", "inputs": [tensor], "outputs": [wanted]}),
            ("/v2/repository/index", {"ready": True}),
        ]
        request = messages.ModelInferRequest(model_name=model, id="x")
        given = request.inputs.add(name="features", datatype="FP64", shape=[1, len(row)])
        given.contents.fp64_contents.extend(row.values())
        self.whole_call: bytes = request.SerializeToString()
        """A call of ModelInfer that has nothing wrong."""

        self._methods = ["ModelInfer"] * 4 + [
            method.name
            for method in messages.POOL.FindServiceByName(messages.SERVICE).methods
            if method.name != "ModelStreamInfer"
        ]

    def rest(self) -> RestRequest:
        """The next request over REST."""
        chance = self._chance
        path, document = chance.choice(self._documents)
        if chance.random() < 0.5:
            whole = json.dumps(document).encode()
            body = changed(chance, whole, [whole])
        else:
            body = json.dumps(other_value(chance, document)).encode()
        headers = {}
        if chance.random() < 0.2:
            headers["Inference-Header-Content-Length"] = chance.choice(["0", "7", "-1", "x", str(len(body))])
        if chance.random() < 0.1:
            headers["Content-Encoding"] = chance.choice(["gzip", "deflate", "br"])
        return RestRequest(path, body, headers)

    def call(self) -> tuple[str, bytes]:
        """The next call: its method, and the bytes of its message."""
        data = changed(self._chance, self.whole_call, [self.whole_call])
        return f"/{messages.SERVICE}/{self._chance.choice(self._methods)}", data

    def http(self) -> bytes:
        """What a client sends that does not speak HTTP/1.1 quite right."""
        path, document = self._documents[2]
        body = json.dumps(document).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        return changed(self._chance, head + body, [head])
