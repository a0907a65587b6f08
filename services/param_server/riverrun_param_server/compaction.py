"""Dropping versions: what came after them takes in their deltas, in one transaction."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace

from riverrun.core.units import compose
from riverrun.runtime.failpoints import reach
from riverrun.runtime.sqlite.transactions import transaction
from riverrun_param_server import version_rows
from riverrun_param_server.chains import apply_all, decode_delta
from riverrun_param_server.records import ModelRecord
from riverrun_param_server.retention import Aged, Run
from riverrun_param_server.store import Store, write_record
from riverrun_param_server.version_reader import encode_delta, encode_state
from riverrun_param_server.version_rows import Body, VersionRow

PAGE = 1000
"""Versions looked at in one go."""

MANY_FILES = 512
"""Files of dropped versions that wait at most: which of them are still named takes a look at all versions."""


@dataclass(frozen=True, slots=True)
class Rebased:
    """The version that a run is dropped onto as it becomes, and its bodies' bytes."""

    row: VersionRow
    contents: tuple[tuple[Body, bytes], ...]


class Compaction:
    """Carries out runs over one store. `prepare` may take its time; `commit` is short."""

    def __init__(self, store: Store, *, max_bytes: int) -> None:
        self._store = store
        self._max_bytes = max_bytes
        self._files: set[bytes] = set()

    async def aged(self, model: int, until_ns: int) -> tuple[list[Aged], bool]:
        """The versions up to a time and some after them, oldest first, and whether those are all."""
        found: list[Aged] = []
        while True:
            page = await self._page(model, found[-1].version if found else 0)
            found += page
            if len(page) < PAGE:
                return found, True
            if page[0].created_ns > until_ns:
                return found, False

    async def _page(self, model: int, after: int) -> list[Aged]:
        # A page at a time: a push must not wait for the whole history.
        def work(connection: sqlite3.Connection) -> list[Aged]:
            query = (
                "SELECT version, line, base, created_ns FROM versions WHERE model=? AND version>? "
                "ORDER BY version LIMIT ?"
            )
            return [Aged(*row) for row in connection.execute(query, (model, after, PAGE))]

        return await self._store.run(work)

    async def good(self, model: int) -> set[int]:
        """The versions of a model that carry a good mark."""

        def work(connection: sqlite3.Connection) -> set[int]:
            query = "SELECT version FROM versions WHERE model=? AND good=1"
            return {row["version"] for row in connection.execute(query, (model,))}

        return await self._store.run(work)

    async def prepare(self, model: int, run: Run) -> Rebased | None:
        """What `run.onto` becomes, its large bodies in their files already; None where it needs nothing."""
        if not run.onto:
            return None
        chain = await self._rows(model, (*run.dropped, run.onto))
        onto = chain[-1]
        changed = replace(onto, base=chain[0].base)
        contents: list[tuple[Body, bytes]] = []
        if all(row.delta is not None for row in chain):
            deltas = [await self._read(row.delta) for row in chain]
            body, content = Body.of(*await asyncio.to_thread(self._compose, deltas))
            changed = replace(changed, delta=body)
            contents.append((body, content))
        else:
            changed = replace(changed, base=0, delta=None)
        if onto.snapshot is None:
            # A snapshot that goes moves to the version that stays, so that chains do not grow.
            at = max((i for i, row in enumerate(chain) if row.snapshot is not None), default=None)
            if at is not None:
                bodies = [await self._read(chain[at].snapshot)]
                bodies += [await self._read(row.delta) for row in chain[at + 1 :]]
                body, content = Body.of(*await asyncio.to_thread(self._whole, bodies))
                changed = replace(changed, snapshot=body)
                contents.append((body, content))
        delta, snapshot = changed.delta, changed.snapshot
        if delta is not None and snapshot is not None and delta.size >= snapshot.size:
            # Nobody would be sent it: whoever is behind gets the snapshot.
            contents = [kept for kept in contents if kept[0] is not delta]
            changed = replace(changed, base=0, delta=None)
        large = [(body.sha, content) for body, content in contents if body.inline is None]
        for sha, content in large:
            await self._store.put_file(sha, content)
        reach("compaction.after-files")
        return Rebased(changed, tuple(contents))

    async def commit(
        self, model: int, dropped: Sequence[int], rebased: Rebased | None, record: ModelRecord | None = None
    ) -> None:
        """Drop versions; `rebased` takes their place in the chain. `record` is written with it, if given.

        Their files go with `remove_files`; or at the next start, where that is never called.
        """

        def work(connection: sqlite3.Connection) -> None:
            rows = [version_rows.select(connection, model, version) for version in dropped]
            if rebased is not None:
                rows.append(version_rows.select(connection, model, rebased.row.version))
            reach("prune.before-write")
            with transaction(connection):
                _drop(connection, model, dropped, rebased)
                reach("prune.half-written")
                if record is not None:
                    write_record(connection, record)
                reach("prune.after-write")
            reach("prune.after-fsync")
            self._files |= {
                body.sha
                for row in rows
                if row is not None
                for body in (row.delta, row.snapshot)
                if body is not None and body.inline is None
            }

        await self._store.run(work)
        if len(self._files) >= MANY_FILES:
            await self.remove_files()

    async def remove_files(self) -> None:
        """Let go of the large bodies of what was dropped, but for those that a version names still."""
        if not self._files:
            return

        # In the store's thread, as pushes are: one of them may come to name a file that is there.
        def work(connection: sqlite3.Connection) -> None:
            files, self._files = self._files, set()
            self._store.blobs.remove(files - _still_named(connection, files))
            reach("prune.after-files")

        await self._store.run(work)

    async def _rows(self, model: int, versions: tuple[int, ...]) -> list[VersionRow]:
        condition = f"model=? AND version IN ({','.join('?' * len(versions))}) ORDER BY version"
        rows = await self._store.run(lambda c: version_rows.select_many(c, condition, (model, *versions)))
        assert len(rows) == len(versions), "only this task drops versions"
        return rows

    def _compose(self, bodies: Sequence[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
        return encode_delta(compose(decode_delta(*body, max_bytes=self._max_bytes) for body in bodies))

    def _whole(self, bodies: Sequence[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
        return encode_state(apply_all(bodies, max_bytes=self._max_bytes, next_unit=0))

    async def _read(self, body: Body | None) -> tuple[bytes, bytes]:
        assert body is not None
        return await self._store.read_body(body)


def _drop(
    connection: sqlite3.Connection, model: int, dropped: Sequence[int], rebased: Rebased | None
) -> None:
    for version in dropped:
        connection.execute("DELETE FROM versions WHERE model=? AND version=?", (model, version))
    if rebased is not None:
        present = version_rows.select(connection, model, rebased.row.version)
        assert present is not None
        # Its snapshot may have come while the delta was composed, its mark too.
        snapshot = rebased.row.snapshot or present.snapshot
        version_rows.update(connection, replace(rebased.row, snapshot=snapshot, good=present.good))
    relinked: set[int] = set()
    for version in dropped:
        after = connection.execute(
            "SELECT min(version) AS version FROM versions WHERE model=? AND version>?", (model, version)
        ).fetchone()["version"]
        if after is not None and after not in relinked:
            relinked.add(after)
            row = version_rows.select(connection, model, after)
            assert row is not None
            version_rows.update(connection, row)


def _still_named(connection: sqlite3.Connection, files: set[bytes]) -> set[bytes]:
    """Those of `files` that some version refers to: equal bodies share a file."""
    found = connection.execute("SELECT delta_sha, snapshot_sha FROM versions")
    return {sha for row in found for sha in row if sha in files}
