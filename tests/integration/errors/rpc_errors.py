"""Wrong input to every call of the parameter server and of the event log."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import grpc

from riverrun.api.events.v1 import events_pb2 as events
from riverrun.api.events.v1 import events_pb2_grpc
from riverrun.api.experiments.v1 import experiments_pb2_grpc
from riverrun.api.params.v1 import params_pb2 as pb
from riverrun.api.params.v1 import params_pb2_grpc
from riverrun.api.retraining.v1 import retraining_pb2_grpc
from riverrun.rpc.channels import open_channel
from tests.integration.errors.experiment_errors import EXPERIMENTS
from tests.integration.errors.retrain_errors import RETRAINS
from tests.integration.errors.table import Row, Section
from tests.integration.serving.serving_stack import FRAUD, HOUSES, HandTrainer, Stack

WORDS = (
    "The status says the kind, `google.rpc.ErrorInfo` with the domain `riverrun` the reason and the facts. "
    "`fraud` has version 1 and a trainer in epoch 1; `houses` was never trained."
)


def _push(**header: Any) -> list[pb.PushRequest]:
    right: dict[str, Any] = {
        "model": "fraud",
        "line": 1,
        "epoch": 1,
        "base_version": 1,
        "push_id": "p",
        "serving_root": bytes(32),
        "trainer_root": bytes(32),
    }
    return [pb.PushRequest(header=pb.PushHeader(**(right | header)))]


def _open(**opening: Any) -> list[pb.OpenSessionRequest]:
    return [pb.OpenSessionRequest(open=pb.OpenSessionRequest.Open(**opening))]


PARAMS: list[tuple[str, str, Any]] = [
    ("RegisterModel", "no YAML", pb.RegisterModelRequest(spec_yaml="name: [")),
    ("RegisterModel", "an unknown key", pb.RegisterModelRequest(spec_yaml=FRAUD + "colour: red\n")),
    (
        "RegisterModel",
        "a spec that was changed meanwhile",
        pb.RegisterModelRequest(spec_yaml=FRAUD + "metrics: [ROCAUC]\n", base_spec_revision=9),
    ),
    ("DeleteModel", "an unknown model", pb.DeleteModelRequest(model="nobody")),
    ("OpenSession", "an unknown model", _open(model="nobody", line=1, trainer_id="t")),
    ("OpenSession", "an unknown line", _open(model="fraud", line=9, trainer_id="t")),
    ("OpenSession", "progress before open", [pb.OpenSessionRequest(progress={"examples": 1})]),
    ("OpenSession", "no message", []),
    ("OpenSession", "a trainer_id of 300 characters", _open(model="fraud", line=1, trainer_id="t" * 300)),
    ("Push", "no message", []),
    ("Push", "a chunk before the header", [pb.PushRequest(chunk=b"x")]),
    ("Push", "an unknown model", _push(model="nobody")),
    ("Push", "an unknown line", _push(line=9)),
    ("Push", "an epoch that was never given", _push(epoch=9)),
    ("Push", "a base that is not the line's head", _push(base_version=7)),
    ("Push", "no push_id", _push(push_id="")),
    ("Push", "a root that is no digest", _push(serving_root=b"short")),
    ("Push", "a negative size", _push(serving_bytes=-1)),
    ("Push", "fewer bytes than announced", _push(serving_bytes=10)),
    ("Push", "a body that is no delta", _push(serving_bytes=8, inline_serving=b"nonsense")),
    ("Push", "a state over the limit", _push(serving_bytes=1 << 50)),
    ("Pull", "an unknown model", pb.PullRequest(model="nobody", channel="live")),
    ("Pull", "an unknown channel", pb.PullRequest(model="fraud", channel="nobody")),
    ("Pull", "an unknown version", pb.PullRequest(model="fraud", version=99)),
    ("Pull", "neither channel nor version", pb.PullRequest(model="fraud")),
    ("Pull", "a model that was never trained", pb.PullRequest(model="houses", channel="live")),
    ("Watch", "a report before subscribing", [pb.WatchRequest(applied={"model": "fraud"})]),
    ("Watch", "no message", []),
    (
        "Watch",
        "a reader_id of 300 characters",
        [pb.WatchRequest(subscribe=pb.WatchRequest.Subscribe(reader_id="r" * 300))],
    ),
    ("SetChannel", "an unknown model", pb.SetChannelRequest(model="nobody", channel="live", hold_here=True)),
    ("SetChannel", "no target", pb.SetChannelRequest(model="fraud", channel="live")),
    (
        "SetChannel",
        "an unknown version",
        pb.SetChannelRequest(model="fraud", channel="live", hold_version=99),
    ),
    ("SetChannel", "an unknown line", pb.SetChannelRequest(model="fraud", channel="live", follow_line=9)),
    (
        "SetChannel",
        "a name that is none",
        pb.SetChannelRequest(model="fraud", channel="No Name", hold_version=1),
    ),
    (
        "SetChannel",
        "no good version",
        pb.SetChannelRequest(model="fraud", channel="live", hold_last_good=True),
    ),
    ("SetChannel", "removing live", pb.SetChannelRequest(model="fraud", channel="live", remove=True)),
    (
        "SetChannel",
        "a channel that moved meanwhile",
        pb.SetChannelRequest(model="fraud", channel="live", hold_here=True, base_generation=99),
    ),
    ("Reset", "an unknown model", pb.ResetRequest(model="nobody", to_version=1, examples=1)),
    ("Reset", "an unknown version", pb.ResetRequest(model="fraud", to_version=99, examples=1)),
    ("Reset", "neither skip nor replay", pb.ResetRequest(model="fraud", to_version=1)),
    ("ListVersions", "an unknown model", pb.ListVersionsRequest(model="nobody")),
    ("ListVersions", "a page of 5,000", pb.ListVersionsRequest(model="fraud", page_size=5000)),
    ("GetVersion", "an unknown model", pb.GetVersionRequest(model="nobody", version=1)),
    ("GetVersion", "an unknown version", pb.GetVersionRequest(model="fraud", version=99)),
    ("ListReaders", "an unknown model", pb.ListReadersRequest(model="nobody")),
    ("GetEvaluation", "an unknown model", pb.GetEvaluationRequest(model="nobody")),
    ("GetEvaluation", "an unknown line", pb.GetEvaluationRequest(model="fraud", line=99)),
    ("ListRecords", "an unknown model", pb.ListRecordsRequest(model="nobody")),
    ("ListRecords", "a page of 5,000", pb.ListRecordsRequest(model="fraud", page_size=5000)),
]

NO_INPUT = frozenset({"ListModels", "Backup"})
"""Calls that nothing can be wrong with."""


def _append(**fields: Any) -> events.AppendRequest:
    event = events.NewEvent(**({"body": b"{}"} | fields))
    return events.AppendRequest(model="fraud", stream="examples", events=[event])


EVENTS: list[tuple[str, str, Any]] = [
    ("Append", "an unknown model", events.AppendRequest(model="nobody", stream="examples")),
    ("Append", "an unknown stream", events.AppendRequest(model="fraud", stream="rumours")),
    ("Append", "a time ahead of the log's clock", _append(time_ns=2**62)),
    ("Append", "a body over 1 MiB", _append(body=b"x" * ((1 << 20) + 1))),
    ("AppendStream", "an unknown model", [events.AppendRequest(model="nobody", stream="examples")]),
    ("AppendStream", "an unknown stream", [events.AppendRequest(model="fraud", stream="rumours")]),
    ("Read", "an unknown model", events.ReadRequest(model="nobody", stream="examples")),
    ("Read", "an unknown stream", events.ReadRequest(model="fraud", stream="rumours")),
    ("Read", "a negative limit", events.ReadRequest(model="fraud", stream="examples", limit=-1)),
    ("Trim", "an unknown model", events.TrimRequest(model="nobody", stream="examples")),
    ("Trim", "a negative offset", events.TrimRequest(model="fraud", stream="examples", before=-1)),
    ("End", "an unknown model", events.EndRequest(model="nobody", stream="examples")),
    ("End", "an unknown stream", events.EndRequest(model="fraud", stream="rumours")),
    ("Moment", "an unknown model", events.MomentRequest(model="nobody")),
]


async def section(stack: Stack) -> Section:
    """What the parameter server's pod answers over gRPC to each of these."""
    fraud: HandTrainer = await stack.trainer(FRAUD)
    await fraud.push()
    await stack.client.register_model(HOUSES)
    channel = open_channel(stack.address)
    try:
        params = params_pb2_grpc.ParameterServiceStub(channel)
        log = events_pb2_grpc.EventLogStub(channel)
        rows = [await _row(params, f"ParameterService.{name}", wrong, sent) for name, wrong, sent in PARAMS]
        experiments = experiments_pb2_grpc.ExperimentServiceStub(channel)
        rows += [
            await _row(experiments, f"ExperimentService.{name}", wrong, sent)
            for name, wrong, sent in EXPERIMENTS
        ]
        retrains = retraining_pb2_grpc.RetrainServiceStub(channel)
        rows += [
            await _row(retrains, f"RetrainService.{name}", wrong, sent) for name, wrong, sent in RETRAINS
        ]
        rows += [await _row(log, f"EventLog.{name}", wrong, sent) for name, wrong, sent in EVENTS]
    finally:
        await channel.close()
    return Section("gRPC: parameter server and event log", WORDS, rows)


async def _row(stub: Any, surface: str, wrong: str, sent: Any) -> Row:
    call = getattr(stub, surface.partition(".")[2])
    try:
        answer = await _answer(call, sent)
    except grpc.RpcError as error:
        answer = f"{error.code().name} {error.details()}"
    return Row(surface, wrong, answer)


async def _answer(call: Callable[..., Any], sent: Any) -> str:
    """What a call that does not fail says of its events, or that it is OK."""
    running = call(_each(sent) if isinstance(sent, list) else sent, timeout=60, wait_for_ready=True)
    if hasattr(running, "__aiter__"):
        async for response in running:
            refused = isinstance(response, events.AppendStreamResponse) and not response.HasField("answer")
            return "an empty response; `Append` says why" if refused else "OK"
        return "OK"
    answer = await running
    reasons = [one.refused for one in getattr(answer, "appended", ())]
    return f"refused: {reasons[0]}" if reasons and reasons[0] else "OK"


async def _each(messages: Iterable[Any]) -> Any:
    for message in messages:
        yield message
