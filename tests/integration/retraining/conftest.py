"""A model whose first thousand labels were wrong, being learned by its trainer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from riverrun.rpc.channels import open_channel
from tests.integration.retraining.retrain_stack import Retraining, patient
from tests.integration.trainer.trainer_stack import param_server, trainer


@pytest.fixture(autouse=True)
def quiet_logs() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
async def retraining(tmp_path: Path) -> AsyncIterator[Retraining]:
    async with (
        # A lease that outlasts a machine that stands still: who learns live is to change by take-overs alone.
        param_server(tmp_path / "data", lease_s=30.0) as stack,
        trainer(stack.address),
        open_channel(stack.address) as channel,
    ):
        yield Retraining(stack, patient(stack, channel))
