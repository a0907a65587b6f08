"""A stack with TLS, client certificates and keys does all that one without does; strangers do nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx2
import pytest

from riverrun.core.access import Role
from riverrun.core.errors import InvalidInput, PermissionDenied, Unauthenticated, Unavailable
from riverrun.rpc.channels import open_channel
from riverrun.rpc.credentials import Credentials
from riverrun.rpc.params_client import ParameterClient
from tests.integration.security.secured_stack import SPEC, SecuredStack, secured_http, secured_stack

ROW = {"amount": 12.0, "hour": 3.0}


async def test_a_label_changes_the_prediction_through_tls_and_keys(tmp_path: Path) -> None:
    async with secured_stack(tmp_path, trainer=True) as stack:
        async with stack.client(Role.OPERATOR) as operator:
            await operator.apply(SPEC)
        async with stack.client(Role.CLIENT) as client, asyncio.timeout(60):
            await ready(stack)
            before = await client.predict("fraud", ROW)
            await client.feedback("fraud", True, features=ROW)
            while (after := await client.predict("fraud", ROW)).model_version <= before.model_version:
                await asyncio.sleep(0.02)

    assert after.probabilities != before.probabilities


async def ready(stack: SecuredStack) -> None:
    while stack.serving.readiness.why_not() or "fraud" not in {m.name for m in stack.serving.models}:
        await asyncio.sleep(0.02)
    while not await one_is_loaded(stack):
        await asyncio.sleep(0.02)


async def one_is_loaded(stack: SecuredStack) -> bool:
    async with secured_http(stack) as http:
        return (await http.get("/v2/models/fraud/ready")).status_code == 200


async def test_a_stranger_hears_what_was_expected(tmp_path: Path) -> None:
    async with secured_stack(tmp_path) as stack:
        async with stack.client(None) as nobody:
            with pytest.raises(Unauthenticated, match=r"ListModels needs a token.*role reader, serving"):
                await nobody.delete("fraud")
            with pytest.raises(Unauthenticated, match=r"feedback needs a token.*role client or operator"):
                await nobody.feedback("fraud", True, features=ROW)
        async with stack.client(Role.READER) as reader:
            assert await reader.models() == []
            with pytest.raises(PermissionDenied, match=r"the-reader \(with role reader\).*role operator"):
                await reader.apply(SPEC)


async def test_no_port_talks_without_tls_and_the_parameter_server_wants_a_certificate(tmp_path: Path) -> None:
    async with secured_stack(tmp_path) as stack:
        token = stack.secrets.token_file(Role.OPERATOR)
        plain = Credentials(token_file=token)
        without_cert = stack.secrets.credentials(Role.OPERATOR, with_cert=False)
        for credentials in (plain, without_cert):
            async with open_channel(stack.server_address, credentials) as channel:
                with pytest.raises(Unavailable):
                    await ParameterClient(channel, deadline_s=2).list_models()
        for port in (stack.serving.rest_port, stack.server.http_port):
            async with httpx2.AsyncClient(trust_env=False) as http:
                with pytest.raises(httpx2.HTTPError):
                    await http.get(f"http://127.0.0.1:{port}/livez")


async def test_a_key_taken_from_the_file_is_refused_and_a_new_one_taken(tmp_path: Path) -> None:
    async with secured_stack(tmp_path) as stack, stack.client(Role.READER) as reader:
        await reader.models()
        lines = stack.secrets.key_file.read_text().splitlines()
        stack.secrets.key_file.write_text("\n".join(line for line in lines if "reader" not in line))

        async with asyncio.timeout(60):
            with pytest.raises(Unauthenticated):  # noqa: PT012  # until the file is looked at again
                while True:
                    await reader.models()
                    await asyncio.sleep(0.05)
            stack.secrets.key_file.write_text("\n".join(lines))
            while True:
                try:
                    await reader.models()
                    break
                except Unauthenticated:
                    await asyncio.sleep(0.05)


async def test_a_token_never_goes_over_the_network_in_the_clear(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("rrk_0123")

    with pytest.raises(InvalidInput, match="in the clear"):
        open_channel("params.example.org:8002", Credentials(token_file=token))

    said = open_channel("params.example.org:8002", Credentials(token_file=token, insecure=True))
    await said.close()
