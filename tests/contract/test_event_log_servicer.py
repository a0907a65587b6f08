"""What only the event log's edge does: unknown models, streams and wrong numbers."""

import contextlib

import pytest
from riverrun_param_server.event_log_servicer import EventLogServicer

from riverrun.api.events.v1 import events_pb2 as pb
from riverrun.api.events.v1 import events_pb2_grpc as pb_grpc
from riverrun.core.errors import InvalidInput, NotFound, Unavailable
from riverrun.core.events import NewEvent, Stream
from riverrun.events.embedded import EmbeddedEventLog
from riverrun.rpc.channels import open_channel
from riverrun.rpc.event_log import RemoteEventLog
from riverrun.rpc.params_client import translated
from riverrun.rpc.servers import serving_grpc


@contextlib.asynccontextmanager
async def served(path):
    log = EmbeddedEventLog(path)

    def check_model(model: str) -> None:
        if model != "fraud":
            raise NotFound("model", model)

    def add(server):
        servicer = EventLogServicer(log, store_id=lambda: "store-1", check_model=check_model)
        pb_grpc.add_EventLogServicer_to_server(servicer, server)
        return ["riverrun.api.events.v1.EventLog"]

    try:
        async with (
            serving_grpc(add, "127.0.0.1", 0, drain_s=1, on_stop=log.stop) as (port, _),
            open_channel(f"127.0.0.1:{port}") as channel,
        ):
            yield log, channel
    finally:
        await log.close()


async def test_an_unknown_model_is_not_found_on_every_call(tmp_path):
    async with served(tmp_path / "events.db") as (_, channel):
        log = RemoteEventLog(channel, deadline_s=60.0)

        with pytest.raises(NotFound, match="nobody"):
            await log.append("nobody", Stream.LABELS, [NewEvent("a", b"")])
        with pytest.raises(NotFound, match="nobody"):
            await log.trim("nobody", Stream.LABELS, {0: 1})
        with pytest.raises(NotFound, match="nobody"):
            await log.end("nobody", Stream.LABELS)
        with pytest.raises(NotFound, match="nobody"):
            async for _batch in log.read("nobody", Stream.LABELS, {}, follow=False):
                pass


async def test_wrong_streams_and_numbers_are_named(tmp_path):
    async with served(tmp_path / "events.db") as (_, channel):
        stub = pb_grpc.EventLogStub(channel)

        with pytest.raises(InvalidInput, match="stream: expected one of"), translated():
            await stub.End(pb.EndRequest(model="fraud", stream="rumours"))
        with pytest.raises(InvalidInput, match="before"), translated():
            await stub.Trim(pb.TrimRequest(model="fraud", stream="labels", before=-1))
        with pytest.raises(InvalidInput, match="limit"), translated():
            async for _response in stub.Read(pb.ReadRequest(model="fraud", stream="labels", limit=-1)):
                pass


async def test_answers_carry_the_store_and_reads_the_end(tmp_path):
    async with served(tmp_path / "events.db") as (log, channel):
        stub = pb_grpc.EventLogStub(channel)
        await log.append("fraud", Stream.LABELS, [NewEvent("a", b"x"), NewEvent("b", b"y")])

        request = pb.ReadRequest(model="fraud", stream="labels", limit=1)
        responses = [response async for response in stub.Read(request)]

        assert [(r.store_id, r.end, len(r.events)) for r in responses] == [("store-1", 2, 1)] * 2


async def test_stopping_ends_followers_with_unavailable(tmp_path):
    async with served(tmp_path / "events.db") as (log, channel):
        await log.append("fraud", Stream.LABELS, [NewEvent("a", b"x")])
        reading = RemoteEventLog(channel, deadline_s=60.0).read("fraud", Stream.LABELS, {0: 0}, follow=True)
        await anext(reading)

        log.stop()

        with pytest.raises(Unavailable):
            await anext(reading)
        with pytest.raises(Unavailable):
            await RemoteEventLog(channel, deadline_s=60.0).append(
                "fraud", Stream.LABELS, [NewEvent("b", b"x")]
            )
