"""Every client of the Open Inference Protocol against serving; what they did is docs/conformance.md.

They run as processes in environments of their own, which ``make conformance`` makes; without these the run is
skipped. With WRITE_CONFORMANCE=1 in the environment the page is written, else compared.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from scripts.environment import Environment
from tests.conformance.environments import ALL, CLIENTS, MLSERVER
from tests.conformance.page import Outcome, Ran, page
from tests.integration.serving.serving_stack import CLICKS, FRAUD, HandTrainer, Served, Stack

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "conformance.md"
SCRIPTS = (
    ("triton_http.py", "tritonclient http", "tritonclient"),
    ("triton_grpc.py", "tritonclient grpc", "tritonclient"),
    ("kserve_clients.py", "kserve", "kserve"),
    ("health_and_reflection.py", "grpcio-health-checking, grpcio-reflection", "grpcio-health-checking"),
)
LIMIT_S = 300.0

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not all(environment.is_made for environment in ALL),
        reason="the clients are not installed: make conformance",
    ),
]


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[Served, dict[str, Any]]]:
    """Serving of `fraud` and `clicks`, and what clients are to expect of them."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    stack = Stack(tmp_path)
    await stack.open()
    try:
        fraud = await stack.trainer(FRAUD)
        await fraud.push([({"amount": float(i), "hour": float(i % 24)}, i % 3 == 0) for i in range(40)])
        clicks = await stack.trainer(CLICKS)
        rows = [({"age": 20 + i % 50, "country": ["nl", "fr", "pt"][i % 3]}, "abc"[i % 3]) for i in range(60)]
        await clicks.push(rows)
        serving = await stack.serving()
        await serving.reaches("fraud", 1)
        await serving.reaches("clicks", 1)
        yield serving, _expected(fraud, clicks)
    finally:
        await stack.close()
        structlog.reset_defaults()


async def test_every_client_reads_what_it_should(
    served: tuple[Served, dict[str, Any]], tmp_path: Path
) -> None:
    serving, expected = served
    rest, grpc = f"127.0.0.1:{serving.app.rest_port}", serving.grpc_address
    facts = tmp_path / "expected.json"
    facts.write_text(json.dumps(expected))

    ran = []
    for script, client, distribution in SCRIPTS:
        said = await _run(CLIENTS, str(HERE / "clients" / script), rest, grpc, str(facts))
        outcomes = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        assert outcomes, f"{script} said nothing: {said}"
        found = [Outcome(one["check"], one["why"]) for one in outcomes]
        ran.append(Ran(client, CLIENTS.version_of(distribution), found))
    ran.append(await _bulk(rest, expected, tmp_path))
    ran.append(await _schemathesis(rest, tmp_path))

    shown = page(ran)
    if os.environ.get("WRITE_CONFORMANCE"):
        PAGE.write_text(shown)
    assert [outcome for one in ran for outcome in one.outcomes if outcome.why] == []
    assert PAGE.read_text() == shown, "docs/conformance.md is not what the clients did: make conformance"


def _expected(fraud: HandTrainer, clicks: HandTrainer) -> dict[str, Any]:
    numbers = [[12.5, 3.0], [1.0, 2.0], [39.0, 15.0]]
    ages, countries = [30, 41, 22], ["fr", "nl", "pt"]
    of_numbers = [fraud.predict({"amount": amount, "hour": hour}) for amount, hour in numbers]
    of_categories = [
        clicks.predict({"age": age, "country": country}) for age, country in zip(ages, countries, strict=True)
    ]
    return {
        "numbers": {"rows": numbers} | _answers(of_numbers),
        "categories": {"ages": ages, "countries": countries} | _answers(of_categories),
    }


def _answers(predictions: list[Any]) -> dict[str, Any]:
    return {
        "predictions": [one.value for one in predictions],
        "probabilities": [list(one.probabilities.values()) for one in predictions],
    }


async def _bulk(rest: str, expected: dict[str, Any], folder: Path) -> Ran:
    """``mlserver infer`` over a file of requests, one of which is wrong."""
    rows = expected["numbers"]["rows"]
    names = ["features"] * len(rows) + ["colour"]
    requests = [
        {"inputs": [{"name": name, "datatype": "FP64", "shape": [1, 2], "data": row}]}
        for name, row in zip(names, [*rows, rows[0]], strict=True)
    ]
    sent, got = folder / "requests.jsonl", folder / "responses.jsonl"
    sent.write_text("".join(json.dumps(request) + "\n" for request in requests))
    program = str(MLSERVER.program("mlserver"))
    options = ["-u", rest, "-m", "fraud", "-i", str(sent), "-o", str(got), "-w", "2", "-r", "1"]
    said = await _run(MLSERVER, program, "infer", *options)
    answers = [json.loads(line) for line in got.read_text().splitlines()] if got.exists() else []
    answers.sort(key=lambda one: one["parameters"]["batch_index"])
    predicted = [one["outputs"][0]["data"][0] for one in answers if "outputs" in one]
    errors = [one["error"]["msg"] for one in answers if "error" in one]
    right = predicted == expected["numbers"]["predictions"]
    told = len(errors) == 1 and "inputs.colour.shape" in errors[0]
    version = MLSERVER.version_of("mlserver")
    return Ran(
        "mlserver infer",
        version,
        [
            Outcome("a file of requests", "" if right else said[-500:]),
            Outcome("our error text for the request that is wrong", "" if told else said[-500:]),
        ],
    )


async def _schemathesis(rest: str, folder: Path) -> Ran:
    """Every documented operation, by documented and by wrong requests, with all checks."""
    program = str(CLIENTS.program("schemathesis"))
    options = [
        "--checks",
        "all",
        "--max-examples",
        "15",
        "--seed",
        "1",
        "--no-color",
        "--suppress-health-check=all",
    ]
    command = [program, "--config-file", str(HERE / "schemathesis.toml")]
    command += ["run", f"http://{rest}/openapi.json", *options]
    said = await _run(CLIENTS, *command, SCHEMATHESIS_HOOKS="schemathesis_lines", cwd=folder)
    passed = "failure" not in said.splitlines()[-1] and "error" not in said.splitlines()[-1]
    return Ran(
        "schemathesis",
        CLIENTS.version_of("schemathesis"),
        [Outcome("`/openapi.json` with all checks, every operation", "" if passed else said[-3000:])],
    )


async def _run(environment: Environment, *command: str, cwd: Path | None = None, **more: str) -> str:
    """What the command said, run by an environment's Python where it is a script of ours."""
    program = [str(environment.program("python"))] if command[0].endswith(".py") else []
    process = await asyncio.create_subprocess_exec(
        *program,
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "PYTHONPATH": str(HERE / "clients"),
        }
        | more,
        cwd=cwd,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), LIMIT_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return said.decode(errors="replace")
