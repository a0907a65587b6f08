"""The event log of one machine: SQLite beneath, group commit, a short tail in memory for followers.

An append goes through `log`, `intake`, `group_commit` and `append_transaction`. The tables of `schema` are
read and changed in `stream_rows`, `event_rows`, `id_rows`, `history_rows` and `identity`, each row under one
of `checksums`. `open_streams` and `tail` are what is in memory. `retention` lets old events go; `archiver`
moves them into the files of `history`, which `history_reader` reads. `log_disk` sees to what the disk raises,
`proof` to whether all is whole.
"""

from riverrun.events.embedded.log import EmbeddedEventLog

__all__ = ["EmbeddedEventLog"]
