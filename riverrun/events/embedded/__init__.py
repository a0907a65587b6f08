"""The event log of one machine: SQLite beneath, group commit, a short tail in memory for followers."""

from riverrun.events.embedded.log import EmbeddedEventLog

__all__ = ["EmbeddedEventLog"]
