"""Wrong input to every REST route of serving."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2 as httpx

from tests.integration.errors.table import Row, Section
from tests.integration.serving.serving_stack import CLICKS, FRAUD, HOUSES, Served, Stack

WORDS = (
    "Native routes answer `{error, reason}` and the error's facts, such as `field` and `expected`; below "
    "`/v2` it is `{error}` alone. The models: "
    "`fraud` (features amount: float, at least 0; hour: float), `clicks` (age: int, required; country: "
    "category; member: bool) and `houses`, which was never trained."
)

PREDICT: list[tuple[str, Any]] = [
    ("not JSON", b"hello"),
    ("an empty body", b""),
    ("no object", [1]),
    ("neither features nor instances", {}),
    ("both of them", {"features": {}, "instances": [{}]}),
    ("an unknown key", {"features": {"amount": 1}, "colour": 1}),
    ("an id that is no string", {"features": {"amount": 1}, "id": 7}),
    ("an id of 300 characters", {"features": {"amount": 1}, "id": "x" * 300}),
    ("features that are no object", {"features": [1]}),
    ("an unknown feature", {"features": {"amount": 1, "colour": 2}}),
    ("a mistyped feature", {"features": {"amount": "twelve"}}),
    ("a bool for a number", {"features": {"amount": True}}),
    ("a nested feature", {"features": {"amount": {"value": 1}}}),
    ("a feature below its minimum", {"features": {"amount": -1}}),
    ("NaN", b'{"features": {"amount": NaN}}'),
    ("Infinity", b'{"features": {"hour": -Infinity}}'),
    ("1e999", b'{"features": {"amount": 1e999}}'),
    ("a whole number of 400 digits", b'{"features": {"amount": 1' + 400 * b"0" + b"}}"),
    ("bytes that are no UTF-8", b'{"features": {"amount": "\xff"}}'),
    ("half a surrogate pair", b'{"features": {"amount": "\\ud800"}}'),
    ("20,000 lists inside one another", b'{"features": {"amount": ' + b"[" * 20_000 + b"]" * 20_000 + b"}}"),
    ("10,001 features", {"features": {f"f{n}": 1 for n in range(10_001)}}),
    ("instances that are no list", {"instances": {"amount": 1}}),
    ("no instances", {"instances": []}),
    ("a wrong row among right ones", {"instances": [{"amount": 1}, {"amount": "x"}]}),
    ("a row that is no object", {"instances": [[1, 2]]}),
    ("10,001 rows", {"instances": [{}] * 10_001}),
    ("a body over 4 MiB", b'{"features": {"amount": "' + b"x" * (4 << 20) + b'"}}'),
]

ROW = {"amount": 1, "hour": 2}

FEEDBACK: list[tuple[str, Any]] = [
    ("not JSON", b"hello"),
    ("an empty body", b""),
    ("no object", 7),
    ("an empty list", []),
    ("no label", {"features": ROW}),
    ("no features", {"id": "a", "label": True}),
    ("a mistyped label", {"features": ROW, "label": "yes"}),
    ("a null label", {"features": ROW, "label": None}),
    ("a mistyped feature", {"features": {"amount": "x"}, "label": True}),
    ("an unknown feature", {"features": {"colour": 1}, "label": True}),
    ("an unknown key", {"features": ROW, "label": True, "colour": 1}),
    ("an id that is no string", {"features": ROW, "label": True, "id": 7}),
    ("an empty event_id", {"features": ROW, "label": True, "event_id": ""}),
    ("a negative weight", {"features": ROW, "label": True, "weight": -1}),
    ("a weight that is no number", {"features": ROW, "label": True, "weight": "heavy"}),
    ("a time that is none", {"features": ROW, "label": True, "time": "yesterday"}),
    ("a time without a zone", {"features": ROW, "label": True, "time": "2026-01-01T00:00:00"}),
    ("a time ahead of the log's clock", {"features": ROW, "label": True, "time": "2199-01-01T00:00:00Z"}),
    ("a time beyond all clocks", {"features": ROW, "label": True, "time": "2999-01-01T00:00:00Z"}),
    ("NaN", b'{"features": {"amount": NaN}, "label": true}'),
    ("a wrong entry in a list", [{"features": ROW, "label": True}, {"features": ROW}]),
    (
        "a wrong line among lines",
        b'{"features": {"amount": 1}, "label": true}\n{"features": {"amount": NaN}, "label": 1}\n',
    ),
    ("a body over 4 MiB", b"[" + b" " * (4 << 20) + b"]"),
]


def _tensors(**tensors: tuple[str, list[int], Any]) -> dict[str, Any]:
    return {"inputs": [{"name": n, "datatype": t, "shape": s, "data": d} for n, (t, s, d) in tensors.items()]}


INFER: list[tuple[str, Any]] = [
    ("not JSON", b"hello"),
    ("no inputs", {}),
    ("no tensor", {"inputs": []}),
    ("a tensor without a name", {"inputs": [{"shape": [1], "datatype": "FP64", "data": [1]}]}),
    ("an unknown tensor", _tensors(colour=("FP64", [1], [1.0]))),
    ("an unknown datatype", _tensors(amount=("FP8", [1], [1.0]))),
    ("a datatype that does not fit", _tensors(amount=("BYTES", [1], ["1"]))),
    ("elements that are no numbers", _tensors(amount=("FP64", [1], ["1"]))),
    ("too few elements", _tensors(amount=("FP64", [2], [1.0]))),
    ("a negative dimension", _tensors(amount=("FP64", [-1], [1.0]))),
    ("three dimensions", _tensors(amount=("FP64", [1, 1, 1], [1.0]))),
    ("two values a row", _tensors(amount=("FP64", [1, 2], [1.0, 2.0]))),
    ("tensors of different length", _tensors(amount=("FP64", [1], [1.0]), hour=("FP64", [2], [1.0, 2.0]))),
    ("a matrix of another width", _tensors(features=("FP64", [1, 3], [1.0, 2.0, 3.0]))),
    ("a flat list that is none", _tensors(amount=("FP64", [2], [[1.0], 2.0]))),
    ("FP16 as JSON", _tensors(amount=("FP16", [1], [1.0]))),
    ("a value below its minimum", _tensors(amount=("FP64", [1], [-1.0]))),
    ("NaN", b'{"inputs": [{"name": "amount", "datatype": "FP64", "shape": [1], "data": [NaN]}]}'),
    ("an unknown output", _tensors(amount=("FP64", [1], [1.0])) | {"outputs": [{"name": "colour"}]}),
    ("a body over 4 MiB", b'{"inputs": [' + b" " * (4 << 20) + b"]}"),
]

SIMPLE: list[tuple[str, str, str]] = [
    ("GET", "/v1/models/nobody", "an unknown model"),
    ("POST", "/v1/models/fraud", "another method"),
    ("POST", "/v1/models", "another method"),
    ("GET", "/v1/models/nobody/versions", "an unknown model"),
    ("GET", "/v1/models/fraud/versions?limit=0", "a limit of 0"),
    ("GET", "/v1/models/fraud/versions?limit=many", "a limit that is no number"),
    ("GET", "/v1/models/fraud/versions?before=-1", "a negative version"),
    ("GET", "/v1/models/fraud:predict", "another method"),
    ("DELETE", "/v1/models/fraud:feedback", "another method"),
    ("POST", "/", "another method"),
    ("POST", "/livez", "another method"),
    ("POST", "/readyz", "another method"),
    ("POST", "/metrics", "another method"),
    ("GET", "/v1/nothing", "an unknown path"),
    ("GET", "/v2/nothing", "an unknown path"),
    ("POST", "/v2", "another method"),
    ("POST", "/v2/health/live", "another method"),
    ("POST", "/v2/health/ready", "another method"),
    ("POST", "/v2/models", "another method"),
    ("GET", "/v2/models/nobody", "an unknown model"),
    ("GET", "/v2/models/fraud/versions/99", "a version that no channel holds"),
    ("GET", "/v2/models/nobody/ready", "an unknown model"),
    ("GET", "/v2/models/houses/ready", "a model that was never trained"),
    ("GET", "/v2/models/fraud/versions/99/ready", "a version that no channel holds"),
    ("GET", "/v2/models/nobody/config", "an unknown model"),
    ("GET", "/v2/models/fraud/versions/99/config", "a version that no channel holds"),
    ("POST", "/v2/models/stats", "another method"),
    ("GET", "/v2/models/nobody/stats", "an unknown model"),
    ("GET", "/v2/models/fraud/versions/99/stats", "a version that no channel holds"),
    ("GET", "/v2/models/fraud/infer", "another method"),
    ("GET", "/v2/models/fraud/versions/live/infer", "another method"),
    ("GET", "/v2/repository/index", "another method"),
    ("POST", "/v2/repository/models/fraud/load", "loading, which is the parameter server's to say"),
    ("POST", "/v2/repository/models/fraud/unload", "unloading"),
]


async def section(stack: Stack) -> Section:
    """What serving answers over REST to each of these."""
    fraud = await stack.trainer(FRAUD)
    await fraud.push()
    clicks = await stack.trainer(CLICKS)
    await clicks.push()
    await stack.client.register_model(HOUSES)
    served = await stack.serving()
    await served.reaches("fraud", 1)
    await served.reaches("clicks", 1)
    rows = [row async for row in _rows(served)]
    return Section("REST: serving", WORDS, rows)


async def _rows(served: Served) -> AsyncIterator[Row]:
    http = served.http
    for path, wrongs in (
        ("/v1/models/fraud:predict", PREDICT),
        ("/v1/models/fraud:feedback", FEEDBACK),
        ("/v2/models/fraud/infer", INFER),
    ):
        for wrong, content in wrongs:
            yield await _row(http, "POST", path, wrong, content)
    yield await _row(http, "POST", "/v1/models/nobody:predict", "an unknown model", {"features": ROW})
    yield await _row(
        http, "POST", "/v1/models/houses:predict", "a model that was never trained", {"features": {}}
    )
    yield await _row(
        http, "POST", "/v1/models/clicks:predict", "a required feature left out", {"features": {}}
    )
    yield await _row(
        http, "POST", "/v1/models/clicks:predict", "a fraction for a whole number", {"features": {"age": 1.5}}
    )
    yield await _row(
        http,
        "POST",
        "/v1/models/clicks:predict",
        "a number for a category",
        {"features": {"age": 1, "country": 5}},
    )
    yield await _row(
        http, "POST", "/v1/models/clicks:predict", "1 for a bool", {"features": {"age": 1, "member": 1}}
    )
    yield await _row(
        http, "POST", "/v1/models/nobody:feedback", "an unknown model", {"features": ROW, "label": True}
    )
    yield await _row(
        http,
        "POST",
        "/v1/models/fraud/versions/99:predict",
        "a version that no channel holds",
        {"features": ROW},
    )
    yield await _row(http, "POST", "/v2/repository/index", "ready that is no bool", {"ready": "yes"})
    body = _tensors(amount=("FP64", [1], [1.0]))
    yield await _row(http, "POST", "/v2/models/nobody/infer", "an unknown model", body)
    yield await _row(
        http, "POST", "/v2/models/fraud/versions/99/infer", "a version that no channel holds", body
    )
    yield await _row(http, "POST", "/v2/models/houses/infer", "a model that was never trained", body)
    async for row in _encodings(http):
        yield row
    for method, path, wrong in SIMPLE:
        yield await _row(http, method, path, wrong, None)


async def _encodings(http: httpx.AsyncClient) -> AsyncIterator[Row]:
    path = "/v1/models/fraud:predict"
    right = json.dumps({"features": ROW}).encode()
    headed: list[tuple[str, bytes, dict[str, str]]] = [
        ("an unknown content-encoding", right, {"content-encoding": "br"}),
        ("gzip that is none", right, {"content-encoding": "gzip"}),
        ("gzip that ends early", gzip.compress(right)[:-9], {"content-encoding": "gzip"}),
        ("gzip of more than 4 MiB", gzip.compress(b" " * (5 << 20)), {"content-encoding": "gzip"}),
    ]
    for wrong, content, headers in headed:
        response = await http.post(path, content=content, headers=headers)
        yield _shown(response, path, wrong)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * (1 << 20)

    response = await http.post(path, content=chunks())
    yield _shown(response, path, "a body over 4 MiB in chunks")
    response = await http.post(
        "/v2/models/fraud/infer", content=right, headers={"inference-header-content-length": "999"}
    )
    yield _shown(response, "/v2/models/fraud/infer", "an inference-header-content-length beyond the body")


async def _row(http: httpx.AsyncClient, method: str, path: str, wrong: str, content: Any) -> Row:
    body = content if isinstance(content, bytes) else b"" if content is None else json.dumps(content).encode()
    return _shown(await http.request(method, path, content=body), path, wrong)


def _shown(response: httpx.Response, path: str, wrong: str) -> Row:
    later = response.headers.get("retry-after")
    after = "" if later is None else f" Retry-After: {later}"
    return Row(f"{response.request.method} {path}", wrong, f"{response.status_code} {response.text}{after}")
