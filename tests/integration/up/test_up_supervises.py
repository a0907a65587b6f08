"""`riverrun up` as people run it: real services in a real process tree.

Does not cover what the services do; see their own tests.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from riverrun.cli.up.services import DRAIN_S
from riverrun.cli.up.supervisor import STOP_S
from tests.stacks import Stack, eventually, is_running

PATIENT_UP = Path(__file__).with_name("patient_up.py")


def pids(stack: Stack) -> list[int]:
    return [record.pid for record in stack.records()]


def test_a_killed_service_runs_again_on_the_same_ports_and_the_model_answers(stack: Stack) -> None:
    with stack.client() as client:
        client.feedback("phishing", True, features={"a": 1.0, "b": 2.0, "c": 3.0})

        for name in ("serving-0", "trainer", "param-server", "serving-1"):
            before = stack.kill(name)
            after = stack.record(name)
            assert after.ports == before.ports
            assert after.log == before.log
            assert not is_running(before.pid)

        client.feedback("phishing", False, features={"a": 2.0, "b": 1.0, "c": 3.0})
        eventually(
            lambda: client.versions("phishing")[0].examples == 2, within_s=60, what="both examples learned"
        )
        assert client.predict("phishing", {"a": 1.0, "b": 1.0, "c": 1.0}).prediction in (True, False)

    ended = [event for event in stack.events() if event["event"] == "service"]
    assert {event["service"] for event in ended} == {"param-server", "trainer", "serving-0", "serving-1"}
    assert all("killed by SIGKILL" in event["what"] for event in ended)


def test_one_ctrl_c_stops_everything_within_ten_seconds(
    start_stack: Callable[..., Stack], phishing_spec: Path
) -> None:
    # How long it takes here is this machine's to say: all end by themselves, and what they may take for it,
    # serving first, then the trainer and retrains, then the parameter server, is below ten seconds.
    stack = start_stack(phishing_spec, replicas=2, program=(str(PATIENT_UP),))
    running = pids(stack)

    status = stack.stop(signal.SIGINT)

    bounds = STOP_S
    assert min(bounds.values()) > DRAIN_S
    assert bounds["serving"] + max(bounds["trainer"], bounds["retrain"]) + bounds["param-server"] < 10
    assert status == 0
    assert not any(map(is_running, running))
    assert stack.records() == []
    assert stack.events()[-1] == {"event": "stopped"}
    assert not any("killed" in event.get("what", "") for event in stack.events())


def test_a_second_stack_is_refused_until_the_first_is_killed_which_leaves_nothing_behind(
    stack: Stack, start_stack: Callable[..., Stack]
) -> None:
    running = pids(stack)

    second = run_up("--data", str(stack.data), "--rest-port", "0")

    assert second.returncode == 1
    assert second.stderr.strip().count("\n") == 0
    assert f"process {stack.process.pid}" in second.stderr
    assert pids(stack) == running
    assert all(map(is_running, running))

    stack.process.kill()
    stack.process.wait()
    again = start_stack(data=stack.data)

    assert not set(pids(again)) & set(running)
    eventually(lambda: not any(map(is_running, running)), what="the end of all services")


def test_a_stack_started_again_goes_on_where_it_was(
    start_stack: Callable[..., Stack], phishing_spec: Path, tmp_path: Path
) -> None:
    first = start_stack(phishing_spec, data=tmp_path / "kept")
    with first.client() as client:
        client.feedback("phishing", True, features={"a": 1.0, "b": 2.0, "c": 3.0})
        learned = eventually(lambda: [v for v in client.versions("phishing") if v.examples == 1])
    assert first.stop(signal.SIGTERM) == 0

    second = start_stack(data=tmp_path / "kept")

    with second.client() as client:
        again = client.version("phishing", learned[0].version)
        assert again.digest == learned[0].digest
        # It may have begun with the last-good copy on disk, which is written now and then.
        eventually(lambda: client.predict("phishing", {"a": 1.0}).model_version >= learned[0].version)
    assert (tmp_path / "kept" / "run" / "trainer.previous.log").exists()


def test_a_wrong_spec_is_refused_before_anything_starts(tmp_path: Path) -> None:
    spec = tmp_path / "wrong.yaml"
    spec.write_text("name: wrong\ntask: binary\nmodel: linear_model.NoSuchThing\n")

    found = run_up("--file", str(spec), "--data", str(tmp_path / "data"), "--rest-port", "0")

    assert found.returncode == 1
    assert f"{spec}: line 3" in found.stderr
    assert not (tmp_path / "data").exists()


def test_a_taken_port_is_named(tmp_path: Path, free_ports: Callable[[int], list[int]]) -> None:
    import socket

    port, other = free_ports(2)
    with socket.create_server(("127.0.0.1", port)):
        found = run_up("--data", str(tmp_path / "data"), "--rest-port", str(port), "--grpc-port", str(other))

    assert found.returncode == 1
    assert "--rest-port 0 picks free ports" in found.stderr


def run_up(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "riverrun.cli", "up", *options],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "NO_COLOR": "1"},
    )
