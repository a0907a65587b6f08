"""Who makes the call that is being answered."""

from __future__ import annotations

from contextvars import ContextVar

CALLER: ContextVar[str] = ContextVar("riverrun-caller", default="")
"""The name of the caller's identity; empty where nobody asked for a token."""
