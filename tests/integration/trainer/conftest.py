"""Fixtures of the trainer's integration tests."""

import pytest

from tests.integration.trainer.trainer_stack import param_server


@pytest.fixture
async def stack(tmp_path):
    async with param_server(tmp_path / "data") as stack:
        yield stack


@pytest.fixture
def unused_port(free_ports) -> int:
    [port] = free_ports(1)
    return port
