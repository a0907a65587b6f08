"""Deltas that were announced and not applied yet: a chain, each based on the one before."""

from __future__ import annotations

from riverrun.rpc.watching import Announced

MAX_PENDING_BYTES = 16 << 20


class PendingDeltas:
    """Announcements with inline deltas, oldest first. Bounded: what would grow too long is forgotten."""

    def __init__(self) -> None:
        self._chain: list[Announced] = []
        self._bytes = 0

    def __bool__(self) -> bool:
        return bool(self._chain)

    def add(self, announced: Announced) -> None:
        """Lengthen the chain; begin it anew where `announced` does not go on from it, or it is too long."""
        follows = self._chain and announced.base_version == self._chain[-1].manifest.version
        if not follows or self._bytes + len(announced.serving) > MAX_PENDING_BYTES:
            self.clear()
        if announced.base_version:
            self._chain.append(announced)
            self._bytes += len(announced.serving)

    def take(self, version: int, spec_digest: bytes) -> list[Announced]:
        """The part of the chain that goes on from `version`; empty where none does. The chain is then empty.

        A version of another spec never goes on: its units mean something else.
        """
        chain, self._chain, self._bytes = self._chain, [], 0
        starts = [n for n, announced in enumerate(chain) if announced.base_version == version]
        taken = chain[starts[0] :] if starts else []
        return taken if all(one.manifest.spec_digest == spec_digest for one in taken) else []

    def clear(self) -> None:
        """Forget the chain."""
        self._chain, self._bytes = [], 0
