"""Mutants of the SDK: each function breaks one rule in this process alone. Imported by `sitecustomize`."""

from __future__ import annotations

from typing import Any


def no_budget() -> None:
    """Whatever may be tried again is tried again."""
    from riverrun.client import retries

    def take(_self: Any) -> bool:
        return True

    retries.RetryBudget.take = take  # type: ignore[method-assign]
