"""Requests by route, model and outcome, and how long they took: what objectives are made of."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import Histogram

from riverrun.runtime import metrics


class Traffic:
    """The requests of one protocol.

    Callers choose paths, so labels are bounded here: `route` is one of the few there are, and a model that
    `is_model` does not know is the empty text.
    """

    def __init__(self, protocol: str, is_model: Callable[[str], bool]) -> None:
        self._protocol = protocol
        self._is_model = is_model
        # Looking up a metric's child by its labels takes a lock and a dict each time: once is enough.
        self._children: dict[tuple[str, str, str], Histogram] = {}

    def count(self, route: str, model: str, code: str, took_s: float) -> None:
        """Count a request that ended with `code` after `took_s`; one of no route is not counted."""
        if not route:
            return
        child = self._children.get((route, model, code))
        if child is None:
            known = self._is_model(model)
            label = model if known else ""
            child = metrics.REQUEST_SECONDS.labels(self._protocol, route, label, code)
            if known:
                self._children[route, model, code] = child
        child.observe(took_s)
