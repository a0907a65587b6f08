"""What is done to the whole of what a parameter server keeps."""

from __future__ import annotations

from pathlib import Path

from riverrun.client.connection import Connection
from riverrun.core.backups import Contents


class StoreVerbs(Connection):
    """Copies of everything, while everything runs."""

    async def backup(self, to: Path, *, within_s: float = 3600.0) -> Contents:
        """Write a copy of all versions and events to the folder `to` on this machine; what it holds.

        Pushes, labels and reads go on. The folder must be empty or not there; it is a backup from when this
        returns, and what was interrupted is none. `riverrun store restore` makes a store of it. Raises
        `AlreadyExists` for a folder that holds something, `DigestMismatch` where the store is damaged, and
        `Unavailable` when it takes longer than `within_s`.
        """
        from riverrun.rpc.backups import receive_backup

        return await receive_backup(self._client(), to, deadline_s=within_s)
