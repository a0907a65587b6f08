"""Wrong input to every method of the Open Inference Protocol over gRPC."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from riverrun_serving.grpc_edge import messages

from tests.integration.errors.table import Row, Section
from tests.integration.serving.serving_stack import FRAUD, HOUSES, Stack

WORDS = "The same models and the same texts as over REST, with gRPC's status codes."

Fill = Callable[[Any], None]


def _amount(
    datatype: str = "FP64",
    shape: tuple[int, ...] = (1,),
    *,
    fp64: tuple[float, ...] = (1.0,),
    name: str = "amount",
) -> Fill:
    def fill(request: Any) -> None:
        tensor = request.inputs.add(name=name, datatype=datatype, shape=shape)
        tensor.contents.fp64_contents.extend(fp64)

    return fill


def _raw(datatype: str, shape: tuple[int, ...], *raw: bytes) -> Fill:
    def fill(request: Any) -> None:
        request.inputs.add(name="amount", datatype=datatype, shape=shape)
        request.raw_input_contents.extend(raw)

    return fill


def _both(request: Any) -> None:
    _amount()(request)
    request.raw_input_contents.append(b"12345678")


def _output(request: Any) -> None:
    _amount()(request)
    request.outputs.add(name="colour")


INFER: list[tuple[str, Fill]] = [
    ("no tensor", lambda request: None),
    ("an unknown tensor", _amount(name="colour")),
    ("an unknown datatype", _amount("FP8")),
    ("a datatype that does not fit", _raw("BYTES", (1,), b"\x01\x00\x00\x00a")),
    ("FP16, which has no typed form", _amount("FP16")),
    ("too few elements", _amount(shape=(2,))),
    ("a negative dimension", _amount(shape=(-1,))),
    ("no shape", _amount(shape=())),
    ("NaN", _amount(fp64=(float("nan"),))),
    ("infinity, raw", _raw("FP64", (1,), b"\x00\x00\x00\x00\x00\x00\xf0\x7f")),
    ("a value below its minimum", _amount(fp64=(-1.0,))),
    ("raw contents that are too short", _raw("FP64", (1,), b"1234")),
    ("more raw contents than inputs", _raw("FP64", (1,), b"12345678", b"12345678")),
    ("typed and raw contents", _both),
    ("an unknown output", _output),
    ("a category that is no UTF-8, raw", _raw("BYTES", (1,), b"\x01\x00\x00\x00\xff")),
]


async def section(stack: Stack) -> Section:
    """What serving answers over gRPC to each of these."""
    fraud = await stack.trainer(FRAUD)
    await fraud.push()
    await stack.client.register_model(HOUSES)
    served = await stack.serving()
    await served.reaches("fraud", 1)
    rows = []
    async with grpc.aio.insecure_channel(served.grpc_address) as channel:
        for wrong, fill in INFER:
            rows.append(await _infer(channel, "fraud", "", wrong, fill))
        rows.append(await _infer(channel, "nobody", "", "an unknown model", _amount()))
        rows.append(await _infer(channel, "fraud", "99", "a version that no channel holds", _amount()))
        rows.append(await _infer(channel, "houses", "", "a model that was never trained", _amount()))
        for method in ("ModelReady", "ModelMetadata", "ModelConfig", "ModelStatistics"):
            for model, version, wrong in (
                ("nobody", "", "an unknown model"),
                ("fraud", "99", "a version that no channel holds"),
                ("", "", "no model"),
            ):
                if method == "ModelStatistics" and not model:
                    continue  # all models
                request = _message(f"{method}Request")(name=model, version=version)
                rows.append(await _call(channel, method, wrong, request.SerializeToString()))
        for method in ("RepositoryModelLoad", "RepositoryModelUnload"):
            request = _message(f"{method}Request")(model_name="fraud")
            rows.append(
                await _call(
                    channel, method, "what is the parameter server's to say", request.SerializeToString()
                )
            )
        rows += [
            await _streamed(channel, "an unknown model", messages.ModelInferRequest(model_name="nobody")),
            await _streamed(channel, "no tensor", messages.ModelInferRequest(model_name="fraud")),
        ]
        for method in ("ServerLive", "ServerReady", "ServerMetadata", "ModelInfer", "RepositoryIndex"):
            rows.append(await _call(channel, method, "bytes that are no message", b"\xff\xff\xff"))
        rows.append(
            await _call(
                channel, "ModelInfer", "a message over 4 MiB", b"\x1a\x80\x80\x80\x03" + b"x" * (6 << 20)
            )
        )
        rows.append(await _call(channel, "Nothing", "an unknown method", b""))
    return Section("gRPC: inference.GRPCInferenceService", WORDS, rows)


async def _infer(channel: Any, model: str, version: str, wrong: str, fill: Fill) -> Row:
    request = messages.ModelInferRequest(model_name=model, model_version=version)
    fill(request)
    return await _call(channel, "ModelInfer", wrong, request.SerializeToString())


async def _streamed(channel: Any, wrong: str, request: Any) -> Row:
    call = channel.stream_stream(
        f"/{messages.SERVICE}/ModelStreamInfer",
        response_deserializer=messages.ModelStreamInferResponse.FromString,
    )(iter([request.SerializeToString()]), timeout=60, wait_for_ready=True)
    answers = [answer.error_message async for answer in call]
    return Row("ModelStreamInfer", wrong, f"an answer with error_message: {answers[0]}")


async def _call(channel: Any, method: str, wrong: str, request: bytes) -> Row:
    try:
        call = channel.unary_unary(f"/{messages.SERVICE}/{method}")
        await call(request, timeout=60, wait_for_ready=True)
        answer = "OK"
    except grpc.RpcError as error:
        answer = f"{error.code().name} {error.details()}"
    return Row(method, wrong, answer)


def _message(name: str) -> Any:
    return getattr(messages, name)
