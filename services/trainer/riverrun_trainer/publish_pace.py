"""When the next version is due: the policy says when, the budget how often."""

from __future__ import annotations

import math
from collections.abc import Mapping

from riverrun.core.spec import PublishSpec
from riverrun.runtime import metrics
from riverrun_trainer.learning import Learning
from riverrun_trainer.publish_budget import PublishBudget
from riverrun_trainer.publish_policy import PublishPolicy, Unpublished

PUSH_OVERHEAD_S = 0.0005
"""What a push takes of the loop beside encoding, as measured on a small machine; part of the budget."""


PASSED_EVENTS, PASSED_S = 10_000, 10.0
"""Where nothing is learned, events that were set aside, or seconds, after which a version says how far the
trainer has come: a restart would read them all again otherwise."""


class PublishPace:
    """Joins a policy, a budget and what was learned since the last version."""

    def __init__(self, model: str, spec: PublishSpec, learning: Learning, now_s: float) -> None:
        self._learning = learning
        self._taken_s = now_s
        self._published: Mapping[str, float] = {}
        self._policy = PublishPolicy(spec)
        self._budget = PublishBudget(spec.budget, now_s)
        self._bound = metrics.BUDGET_BOUND.labels(model)
        self._share = metrics.PUBLISH_SHARE.labels(model)

    @property
    def events_left(self) -> float:
        """Examples to learn before it is worth asking `is_due` again: those up to the count of the policy.

        Infinite where it has none, or is past it: what arrived together is published together then. One
        version with all of it is sooner with a reader than one with the first event and another with
        the rest.
        """
        every = self._policy.spec.every_events
        left = 0 if every is None else every - self._learning.progress.learned
        return left if left > 0 else math.inf

    def use(self, spec: PublishSpec) -> None:
        """Go by `spec` from now on."""
        self._policy = PublishPolicy(spec)
        self._budget.share = spec.budget

    def is_due(self, now_s: float) -> bool:
        """Whether to publish now."""
        due = self._policy.should_publish(self._unpublished(), now_s) or self._passed_s() <= now_s
        allowed = due and self._budget.free_s(now_s) <= now_s
        if due:
            self._bound.set(0 if allowed else 1)
        return allowed

    def next_s(self, now_s: float) -> float:
        """When to ask again even if nothing more is learned; infinite for never."""
        state = self._unpublished()
        due_s = now_s if self._policy.should_publish(state, now_s) else self._policy.due_s(state)
        due_s = min(due_s, self._passed_s())
        return math.inf if due_s == math.inf else max(due_s, self._budget.free_s(now_s))

    def taken(self, published: Mapping[str, float], encode_s: float, now_s: float) -> None:
        """A version was taken that has the metrics `published` and took `encode_s` to encode."""
        self._taken_s = now_s
        self._published = published
        self._budget.spend(encode_s + PUSH_OVERHEAD_S, now_s)
        self._share.set(self._budget.recent_share(now_s))

    def _passed_s(self) -> float:
        """When a version is due for the position's sake alone; infinite for never."""
        if self._learning.progress.learned or not self._learning.passed:
            return math.inf
        return -math.inf if self._learning.passed >= PASSED_EVENTS else self._taken_s + PASSED_S

    def _unpublished(self) -> Unpublished:
        watched = self._policy.watched_metric
        if watched is None:
            return Unpublished(self._learning.progress.learned, self._taken_s)
        return Unpublished(
            self._learning.progress.learned,
            self._taken_s,
            self._learning.metrics().get(watched),
            self._published.get(watched),
        )
