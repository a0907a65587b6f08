"""Fixtures of the trainer's integration tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import trainer_stack


@pytest.fixture
async def stack(tmp_path):
    async with trainer_stack.param_server(tmp_path / "data") as stack:
        yield stack


@pytest.fixture
def unused_port(free_ports) -> int:
    [port] = free_ports(1)
    return port
