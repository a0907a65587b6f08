"""Where the SDK and the command look for a stack."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from riverrun.client.addresses import server_address, serving_url
from riverrun.client.run_folder import RunFolder, ServiceRecord
from riverrun.core.errors import InvalidInput, Unavailable


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RIVERRUN_SERVER", raising=False)
    monkeypatch.delenv("RIVERRUN_SERVING", raising=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = RunFolder(tmp_path)
    for service, index, pid, ports in (
        ("param-server", 0, os.getpid(), {"grpc": 1111, "http": 1112}),
        ("serving", 0, 2**22 + 1, {"rest": 2222, "grpc": 2223}),
        ("serving", 1, os.getpid(), {"rest": 3333, "grpc": 3334}),
    ):
        folder.write(
            ServiceRecord(service=service, index=index, pid=pid, ports=ports, log="", started="")  # type: ignore[arg-type]
        )
    return tmp_path


def test_what_is_given_wins(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIVERRUN_SERVER", "there:1")
    monkeypatch.setenv("RIVERRUN_SERVING", "http://there:1")

    assert server_address("here:2", data) == "here:2"
    assert serving_url("https://here:2/", data) == "https://here:2"


def test_then_the_environment(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIVERRUN_SERVER", "there:1")
    monkeypatch.setenv("RIVERRUN_SERVING", "there:1")

    assert server_address("", data) == "there:1"
    assert serving_url("", data) == "http://there:1"


def test_then_the_run_folder_passing_over_what_has_ended(data: Path) -> None:
    assert server_address("", data) == "127.0.0.1:1111"
    assert serving_url("", data) == "http://127.0.0.1:3333"


def test_nothing_known_says_what_would_say_it(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="RIVERRUN_SERVER") as found:
        server_address("", tmp_path)
    assert str(tmp_path) in str(found.value)
    with pytest.raises(Unavailable, match="RIVERRUN_SERVING"):
        serving_url("", tmp_path)


@pytest.mark.parametrize("address", ["here", "here:", ":1", "here:0", "here:65536", "here:x", "here:²"])
def test_an_address_without_host_and_port_is_refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="host:port"):
        server_address(address, tmp_path)


@pytest.mark.parametrize("url", ["ftp://here", "http://", "http://here?x=1"])
def test_what_is_no_base_url_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="base URL"):
        serving_url(url, tmp_path)
