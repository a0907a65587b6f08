"""What Triton's extensions answer, as its messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from riverrun_serving.core.inference import VersionState
from riverrun_serving.core.model_config import BACKEND, MAX_BATCH_SIZE, ModelConfig, config_type
from riverrun_serving.core.request_meter import ChannelStatistics
from riverrun_serving.grpc_edge import messages


def config_from(config: ModelConfig) -> Any:
    """A ModelConfigResponse."""
    response = messages.ModelConfigResponse()
    found = response.config
    found.name, found.platform, found.backend = config.name, config.platform, BACKEND
    found.max_batch_size = MAX_BATCH_SIZE
    for given in config.inputs:
        found.input.add(
            name=given.tensor.name,
            data_type=given.data_type,
            dims=given.tensor.shape,
            optional=given.optional,
        )
    for tensor in config.outputs:
        found.output.add(name=tensor.name, data_type=config_type(tensor.datatype), dims=tensor.shape)
    return response


def statistics_from(found: Iterable[ChannelStatistics]) -> Any:
    """A ModelStatisticsResponse."""
    response = messages.ModelStatisticsResponse()
    for one in found:
        entry = response.model_stats.add(
            name=one.model,
            version="" if one.version is None else str(one.version),
            last_inference=one.last_ms,
            inference_count=one.rows,
            execution_count=one.answered,
        )
        sums = entry.inference_stats
        for sum_ in (sums.success, sums.compute_infer):
            sum_.count, sum_.ns = one.answered, one.answered_ns
        sums.fail.count, sums.fail.ns = one.failed, one.failed_ns
    return response


def index_from(states: Iterable[VersionState]) -> Any:
    """A RepositoryIndexResponse."""
    response = messages.RepositoryIndexResponse()
    for state in states:
        response.models.add(name=state.model, version=state.version, state=state.state, reason=state.why_not)
    return response
