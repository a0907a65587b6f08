"""Eight callers, every RPC and every route: what the table says is what happens, and the page shows it.

What a server has and the table has not fails here; so does an entry for something that is not there. With
WRITE_AUTHORIZATION=1 the page is written; else it is compared.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from riverrun.core.access import Role
from riverrun.rpc.access.policy import (
    COMMON_RPCS,
    PARAM_SERVER_RPCS,
    SERVING_ROUTES,
    SERVING_RPCS,
    STATUS_ROUTES,
    Access,
    Route,
    serving_policy,
)
from riverrun.rpc.channels import open_channel
from riverrun.rpc.credentials import Credentials
from riverrun.runtime.status_app import status_app
from tests.integration.security.fake_api_server import FakeApiServer
from tests.integration.security.secured_stack import SPEC, SecuredStack, secured_http, secured_stack

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "authorization.md"
COMMAND = "WRITE_AUTHORIZATION=1 .venv/bin/python -m pytest tests/integration/security/test_authorization.py"

ACCOUNT = "system:serviceaccount:elsewhere:somebody"
NOBODY, STRANGER, NO_ROLE = "nobody", "stranger", "no role"
CALLERS = (NOBODY, STRANGER, NO_ROLE, *Role)

REFUSALS = {401: "unauthenticated", 403: "denied"}

Outcomes = dict[str, dict[str, str]]
"""By call or route, then by caller: admitted, unauthenticated or denied."""


@dataclass
class Callers:
    """Files of each caller's token."""

    folder: Path
    stack: SecuredStack

    def credentials(self, caller: str) -> Credentials:
        files = self.stack.secrets.certificates
        token_file = None if caller == NOBODY else self.folder / f"token-{caller}"
        return Credentials(files, token_file=token_file)

    def header(self, caller: str) -> dict[str, str]:
        file = self.credentials(caller).token_file
        return {} if file is None else {"authorization": f"Bearer {file.read_text().strip()}"}


@contextlib.asynccontextmanager
async def callers(tmp_path: Path, **serving: Any) -> AsyncIterator[Callers]:
    folder = tmp_path / "stack"
    folder.mkdir()
    (tmp_path / "api").mkdir()
    (folder / "accounts").write_text("system:serviceaccount:here:trainer trainer\n")
    async with FakeApiServer(tmp_path / "api").running() as api:
        auth = api.settings("jwks", folder / "accounts") | {"auth_keys_file": folder / "keys"}
        (folder / f"token-{STRANGER}").write_text("rrk_0000000000000000000000000000000000000000000")
        (folder / f"token-{NO_ROLE}").write_text(api.token(ACCOUNT))
        async with secured_stack(folder, auth=auth, **serving) as stack:
            async with stack.client(Role.OPERATOR) as operator:
                await operator.apply(SPEC)
            yield Callers(folder, stack)


@pytest.fixture
async def all_callers(tmp_path: Path) -> AsyncIterator[Callers]:
    async with callers(tmp_path) as found:
        yield found


def expected(access: Access, caller: str) -> str:
    if access.is_open:
        return "admitted"
    if caller in (NOBODY, STRANGER):
        return "unauthenticated"
    return "admitted" if access.admits(None if caller == NO_ROLE else Role(caller)) else "denied"


async def rpcs_of(address: str, credentials: Credentials) -> tuple[set[str], set[str]]:
    """Every service that a server says it has, and the methods of those that it describes."""
    async with open_channel(address, credentials) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)

        async def ask(**request: str) -> Any:
            call = stub.ServerReflectionInfo(
                iter([reflection_pb2.ServerReflectionRequest(**request)]), timeout=60
            )
            answer = await call.read()
            call.cancel()
            return answer

        services: set[str] = set()
        methods: set[str] = set()
        for service in (await ask(list_services="")).list_services_response.service:
            services.add(service.name)
            files = (await ask(file_containing_symbol=service.name)).file_descriptor_response
            for raw in files.file_descriptor_proto:
                file = descriptor_pb2.FileDescriptorProto.FromString(raw)
                for declared in file.service:
                    if f"{file.package}.{declared.name}" == service.name:
                        methods |= {f"/{service.name}/{method.name}" for method in declared.method}
        return services, methods


async def call_outcome(channel: Any, method: str) -> str:
    """What becomes of a call with an empty message."""
    call = channel.stream_stream(method)(iter([b""]), timeout=60, wait_for_ready=True)
    try:
        await call.read()
        code = await call.code() if call.done() else grpc.StatusCode.OK
    except grpc.aio.AioRpcError as error:
        code = error.code()
    finally:
        call.cancel()
    outcomes = {
        grpc.StatusCode.UNAUTHENTICATED: "unauthenticated",
        grpc.StatusCode.PERMISSION_DENIED: "denied",
    }
    return outcomes.get(code, "admitted")


async def rpc_outcomes(found: Callers, address: str, methods: Sequence[str]) -> Outcomes:
    outcomes: Outcomes = {method: {} for method in methods}
    for caller in CALLERS:
        async with open_channel(address, found.credentials(caller)) as channel:
            for method in methods:
                outcomes[method][caller] = await call_outcome(channel, method)
    return outcomes


async def route_outcomes(found: Callers, port: int, routes: Sequence[Route]) -> Outcomes:
    outcomes: Outcomes = {shown(route): {} for route in routes}
    async with secured_http(found.stack, f"https://127.0.0.1:{port}") as http:
        for route in routes:
            path = route.path.replace("{model}", "fraud").replace("{version}", "live")
            for caller in CALLERS:
                answer = await http.request(route.method, path, content=b"{}", headers=found.header(caller))
                status = answer.status_code
                outcomes[shown(route)][caller] = REFUSALS.get(status, "admitted")
                assert (status == 404) <= ("route" not in answer.text), f"{shown(route)} is not there"
    return outcomes


def shown(route: Route) -> str:
    return f"{route.method} {route.path}"


def as_the_table_says(outcomes: Outcomes, policy: Mapping[str, Access]) -> None:
    assert outcomes == {
        name: {caller: expected(access, caller) for caller in CALLERS} for name, access in policy.items()
    }


async def test_every_call_and_route_admits_whom_the_table_names(all_callers: Callers) -> None:
    found, stack = all_callers, all_callers.stack
    serving_grpc = f"127.0.0.1:{stack.serving.grpc_port}"

    params = await rpc_outcomes(found, stack.server_address, list(PARAM_SERVER_RPCS))
    inference = await rpc_outcomes(found, serving_grpc, list(SERVING_RPCS))
    common = await rpc_outcomes(found, serving_grpc, list(COMMON_RPCS))
    routes = await route_outcomes(found, stack.serving.rest_port, SERVING_ROUTES)
    status = await route_outcomes(found, stack.server.http_port, STATUS_ROUTES)

    as_the_table_says(params, PARAM_SERVER_RPCS)
    as_the_table_says(inference, SERVING_RPCS)
    as_the_table_says(common, COMMON_RPCS)
    as_the_table_says(routes, {shown(route): route.access for route in SERVING_ROUTES})
    as_the_table_says(status, {shown(route): route.access for route in STATUS_ROUTES})
    page_is(
        {
            "gRPC of the parameter server": params,
            "gRPC of serving": inference,
            "gRPC of both": common,
            "HTTP of serving": routes,
            "HTTP of the parameter server and the trainer": status,
        }
    )


async def test_the_table_has_what_the_servers_have_and_no_more(all_callers: Callers) -> None:
    stack = all_callers.stack
    operator = all_callers.credentials(Role.OPERATOR)

    services, params = await rpcs_of(stack.server_address, operator)
    serving_services, inference = await rpcs_of(f"127.0.0.1:{stack.serving.grpc_port}", operator)

    assert params == set(PARAM_SERVER_RPCS) | set(COMMON_RPCS)
    assert services == {method.split("/")[1] for method in params}
    # Serving describes its own protocol alone; it lists health and reflection.
    assert inference == set(SERVING_RPCS)
    assert serving_services == {method.split("/")[1] for method in (*SERVING_RPCS, *COMMON_RPCS)}
    async with secured_http(stack) as http:
        paths = (await http.get("/openapi.json")).json()["paths"]
    served = {
        (method.upper(), re.sub(r"\{\w+\}", "{}", path))
        for path, how in paths.items()
        for method in how
        if method != "parameters"
    }
    tabled = {(route.method, re.sub(r"\{\w+\}", "{}", route.path)) for route in SERVING_ROUTES}
    assert served - tabled == set()
    status = {route.path for route in status_app(alive=lambda: True, ready=lambda: "").routes}  # type: ignore[attr-defined]
    assert status == {route.path for route in STATUS_ROUTES}


async def test_what_has_no_entry_is_refused(all_callers: Callers, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = all_callers.stack
    header = all_callers.header(Role.OPERATOR)
    async with secured_http(stack) as http:
        unknown = await http.get("/v1/secrets", headers=header)
        other_method = await http.request("DELETE", "/v1/models/fraud", headers=header)
        sideways = await http.post("/v1/models/fraud:feedback/", json={})

    assert (unknown.status_code, other_method.status_code) == (404, 404)
    assert sideways.status_code == 401


async def test_opened_predictions_are_for_anyone_and_feedback_is_not(tmp_path: Path) -> None:
    _, routes = serving_policy(open_predictions=True)
    async with callers(tmp_path, open_predictions=True) as found:
        outcomes = await route_outcomes(found, found.stack.serving.rest_port, routes)
        address = f"127.0.0.1:{found.stack.serving.grpc_port}"
        inference = await rpc_outcomes(found, address, list(SERVING_RPCS))

    as_the_table_says(outcomes, {shown(route): route.access for route in routes})
    assert outcomes["POST /v1/models/{model}:predict"][NOBODY] == "admitted"
    assert outcomes["POST /v1/models/{model}:feedback"][NOBODY] == "unauthenticated"
    rpcs, _ = serving_policy(open_predictions=True)
    as_the_table_says(inference, rpcs)
    assert inference["/inference.GRPCInferenceService/ModelStreamInfer"][NOBODY] == "admitted"


def page_is(sections: Mapping[str, Outcomes]) -> None:
    lines = [
        "# Who may call what",
        "",
        "Every mark is a call that was made, on a stack with tokens, and admitted; the test that made them,",
        "`tests/integration/security/test_authorization.py`, wrote this page. An empty cell was refused:",
        "PERMISSION_DENIED or 403, and without a good token UNAUTHENTICATED or 401. What is not listed",
        "nobody may call. To write the page anew:",
        "",
        f"    {COMMAND}",
        "",
        "○ is admitted where `RIVERRUN_SERVING_OPEN_PREDICTIONS` is true. The column “no token” holds for",
        "tokens that are not good, too. [Security](../operations/security.md) says how callers get a role.",
        "",
    ]
    opened = {shown(route) for route in SERVING_ROUTES if route.access.is_prediction}
    opened |= {method for method, access in SERVING_RPCS.items() if access.is_prediction}
    for title, outcomes in sections.items():
        columns = ["no token", "no role", *Role]
        lines += [f"## {title}", "", f"| call | {' | '.join(columns)} |", "| --- " * (len(columns) + 1) + "|"]
        for name, row in outcomes.items():
            assert row[NOBODY] == row[STRANGER]
            found = [row[NOBODY], row[NO_ROLE], *(row[role] for role in Role)]
            marks = ["●" if outcome == "admitted" else " " for outcome in found]
            if name in opened:
                marks = ["○" if mark == " " else mark for mark in marks]
            lines.append(f"| `{name.removeprefix('/')}` | {' | '.join(marks)} |")
        lines.append("")
    text = "\n".join(lines)
    if os.environ.get("WRITE_AUTHORIZATION"):
        PAGE.write_text(text)
    committed = PAGE.read_text() if PAGE.exists() else ""
    assert committed == text, f"docs/reference/authorization.md is not what happens; to write it: {COMMAND}"
