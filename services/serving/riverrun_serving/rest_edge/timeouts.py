"""How long a request over REST gives us: its header ``timeout``, or what the process gives by itself."""

from __future__ import annotations

import time
from typing import Any

from riverrun.core.errors import InvalidInput
from riverrun.core.spec.features import shown
from riverrun.core.spec.quantities import parse_duration
from riverrun.runtime.http_protocol import ARRIVED
from riverrun_serving.core.deadline import Deadline
from riverrun_serving.rest_edge.exchange import Scope, header

TIMEOUT = b"timeout"


def deadline_of(scope: Scope, default_s: float, parameter_us: Any = None) -> Deadline:
    """Until when the request may be computed, counted from its arrival.

    `parameter_us` is the ``timeout`` among an inference's parameters, in microseconds as Triton's clients
    send it; the header, in seconds or written as ``250ms``, comes first. Raises `InvalidInput`.
    """
    given = header(scope, TIMEOUT)
    if given:
        limit_s = _seconds(given)
    elif parameter_us is not None:
        if type(parameter_us) is not int or parameter_us <= 0:
            raise InvalidInput("parameters.timeout", f"expected microseconds, got {shown(parameter_us)}")
        limit_s = parameter_us / 1e6
    else:
        limit_s = default_s
    given_one = bool(given) or parameter_us is not None
    return Deadline(scope.get(ARRIVED, time.monotonic()) + limit_s, limit_s, given_one)


def _seconds(given: bytes) -> float:
    text = given.decode("latin-1")[:20]
    try:
        seconds = float(text) if text[-1:].isdigit() else parse_duration(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86_400:
        raise InvalidInput("timeout", f"expected seconds, or a duration such as 250ms, got {shown(text)}")
    return seconds
