"""Calls without the right token, for docs/errors.md: of a stack that knows tokens of service accounts."""

from __future__ import annotations

import json
import time
from typing import Any

import grpc

from riverrun.api.params.v1 import params_pb2 as pb
from riverrun.api.params.v1 import params_pb2_grpc
from riverrun.rpc.channels import open_channel
from tests.integration.errors.table import Row, Section
from tests.integration.security.fake_api_server import FakeApiServer
from tests.integration.security.secured_stack import SecuredStack, secured_http, secured_stack
from tests.integration.serving.serving_stack import Stack

WORDS = "With TLS and `auth.mode: jwks`, as the chart has it by default. Below `/v2` it is `{error}` alone."

SHOP = "system:serviceaccount:shop"
ACCOUNTS = f"{SHOP}:web client\n{SHOP}:look reader\n"
PREDICT, FEEDBACK = "POST /v1/models/fraud:predict", "POST /v1/models/fraud:feedback"
INFER = "POST /v2/models/fraud/infer"
BODY = {"features": {"amount": 1.0, "hour": 2.0}}


async def section(stack: Stack) -> Section:
    """Every way in which a caller is not the right one, at serving and at the parameter server."""
    folder = stack.folder / "secured"
    api_folder = stack.folder / "api"
    for one in (folder, api_folder):
        one.mkdir()
    accounts = stack.folder / "accounts"
    accounts.write_text(ACCOUNTS)
    async with FakeApiServer(api_folder).running() as api:
        # The services' own tokens are keys: this table is about those of others.
        auth = api.settings("jwks", accounts) | {"auth_keys_file": folder / "keys"}
        async with secured_stack(folder, auth=auth) as secured:
            api.is_away = True
            good = f"Bearer {api.token(f'{SHOP}:web')}"
            away = await _asked(secured, PREDICT, "a good token, while the API server is away", good)
            api.is_away = False
            rows = [await _asked(secured, *wrong) for wrong in _wrong(api)]
            called = [(wrong, header) for route, wrong, header in _wrong(api) if route == PREDICT]
            rows += [await _called(secured, *one) for one in called]
    return Section("Tokens", WORDS, [*rows, away])


def _wrong(api: FakeApiServer) -> list[tuple[str, str, str]]:
    """(route, what is wrong, header)."""
    other = ["https://kubernetes.default.svc"]
    ended = int(time.time()) - 100
    return [
        (PREDICT, "no token", ""),
        (INFER, "no token", ""),
        (PREDICT, "another kind of authorization", "Basic eDp5"),
        (PREDICT, "a token that is none", "Bearer hello"),
        (PREDICT, "an unknown key", f"Bearer rrk_{'0' * 43}"),
        (PREDICT, "a token for another audience", f"Bearer {api.token(f'{SHOP}:web', aud=other)}"),
        (PREDICT, "a token that has expired", f"Bearer {api.token(f'{SHOP}:web', exp=ended)}"),
        (PREDICT, "a token that another cluster signed", f"Bearer {api.token(f'{SHOP}:web', kid='other')}"),
        (PREDICT, "an account without a role", f"Bearer {api.token(f'{SHOP}:cron')}"),
        (FEEDBACK, "an account that may only look", f"Bearer {api.token(f'{SHOP}:look')}"),
    ]


async def _asked(secured: SecuredStack, surface: str, wrong: str, header: str) -> Row:
    method, path = surface.split()
    headers = {"authorization": header} if header else {}
    async with secured_http(secured) as http:
        answer = await http.request(method, path, content=json.dumps(BODY), headers=headers)
    return Row(surface, wrong, f"{answer.status_code} {answer.text}")


async def _called(secured: SecuredStack, wrong: str, header: str) -> Row:
    metadata: Any = (("authorization", header),) if header else ()
    channel = open_channel(secured.server_address, secured.secrets.credentials(None))
    try:
        stub = params_pb2_grpc.ParameterServiceStub(channel)
        request = pb.SetChannelRequest(model="fraud")
        await stub.SetChannel(request, timeout=60, wait_for_ready=True, metadata=metadata)
        answer = "OK"
    except grpc.aio.AioRpcError as error:
        answer = f"{error.code().name} {error.details()}"
    finally:
        await channel.close()
    return Row("ParameterService.SetChannel", wrong, answer)
