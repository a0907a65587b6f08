"""History: files of events that are older than those in the log's tables, and where each lies.

``history/<model>/<stream>/<offset of the oldest event>.parquet``, each named by a row of the log with its
sha256. All methods that touch files block.
"""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from riverrun.core.errors import DigestMismatch
from riverrun.events.embedded import parquet
from riverrun.events.embedded.history_rows import HistoryFile
from riverrun.events.embedded.stream_rows import StreamRow
from riverrun.runtime.folders import sync_folder, write_durably

FOLDER = "history"
"""The folder's name, beside the log's own file."""


class History:
    """The history files of one log. `files` are those that its rows name."""

    def __init__(self, folder: Path, streams: Iterable[StreamRow], files: Iterable[HistoryFile]) -> None:
        self._folder = folder
        self._names = {stream.id: (stream.model, stream.name) for stream in streams}
        self._files: dict[int, list[HistoryFile]] = {}
        for file in files:
            self._files.setdefault(file.stream_id, []).append(file)
        self._holders = 0
        self._unwanted: list[Path] = []

    def check(self) -> None:
        """Raise `DigestMismatch` unless each file is there with its size; no file is read."""
        for file in self.everything():
            path = self.path_of(file)
            size = path.stat().st_size if path.exists() else None
            if size != file.size:
                found = "no file" if size is None else f"{size} bytes"
                raise DigestMismatch(f"file {path}", f"{file.size} bytes", found)

    def sweep(self) -> int:
        """Remove what a crash left behind; how many files. Only once the log is known to be theirs."""
        left = self.leftovers()
        for path in left:
            path.unlink()
        return len(left)

    def leftovers(self) -> Sequence[Path]:
        """The files that no row names."""
        named = {self.path_of(file) for file in self.everything()}
        return [path for path in self._folder.rglob("*") if path.is_file() and path not in named]

    def everything(self) -> Iterator[HistoryFile]:
        """All files there are."""
        for files in self._files.values():
            yield from files

    def total_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.everything())

    def of(self, stream_id: int) -> Sequence[HistoryFile]:
        """The files of a stream, oldest first; each begins where the one before ends."""
        return self._files.get(stream_id, ())

    def first(self, stream_id: int, otherwise: int) -> int:
        """The offset of the oldest event in the files of a stream; `otherwise` where it has none."""
        files = self.of(stream_id)
        return files[0].first if files else otherwise

    def find(self, stream_id: int, offset: int) -> HistoryFile | None:
        """The file that holds the event at `offset`, None for none."""
        files = self.of(stream_id)
        place = bisect_right(files, offset, key=lambda file: file.first) - 1
        return files[place] if place >= 0 and offset < files[place].end else None

    def path_of(self, file: HistoryFile) -> Path:
        """Where a file is."""
        model, stream = self._names[file.stream_id]
        return self._folder / quote(model, safe="") / stream / f"{file.origin:013}.parquet"

    def name_of(self, file: HistoryFile) -> str:
        """Where a file is within the folder of the log, with slashes."""
        return f"{FOLDER}/{self.path_of(file).relative_to(self._folder).as_posix()}"

    def write(self, stream: StreamRow, origin: int, newest_ns: int, body: bytes) -> HistoryFile:
        """A file of `body`, on disk and under its name when this returns. No row names it yet."""
        self._names[stream.id] = (stream.model, stream.name)
        file = HistoryFile(stream.id, origin, origin, origin, newest_ns, len(body), sha256(body).digest())
        folder = self.path_of(file).parent
        for made in (*reversed(folder.parents), folder):
            if made.is_relative_to(self._folder) and not made.exists():
                made.mkdir()
                sync_folder(made.parent)
        write_durably(self.path_of(file), body)
        return file

    def read(self, file: HistoryFile) -> bytes:
        """The bytes of a file. Raises `DigestMismatch` where they are not those that were written."""
        path = self.path_of(file)
        try:
            body = path.read_bytes()
        except FileNotFoundError:
            raise DigestMismatch(f"file {path}", file.sha.hex(), "no file") from None
        found = sha256(body).digest()
        if found != file.sha:
            raise DigestMismatch(f"file {path}", file.sha.hex(), found.hex())
        return body

    def prove(self, file: HistoryFile) -> int:
        """Check that a file is as it was written and holds its events without a gap; how many it names."""
        offset = file.origin
        for events in parquet.decode(self.read(file)):
            for event in events:
                if event.offset != offset:
                    what = f"file {self.path_of(file)}"
                    raise DigestMismatch(what, f"the event at {offset}", f"the one at {event.offset}")
                offset += 1
        if offset < file.end:
            raise DigestMismatch(f"file {self.path_of(file)}", f"events up to {file.end}", f"up to {offset}")
        return file.end - file.first

    def now(self, file: HistoryFile) -> HistoryFile | None:
        """What the row of a file says now; None where it went."""
        return next((known for known in self.of(file.stream_id) if known.origin == file.origin), None)

    def put(self, file: HistoryFile) -> None:
        """Take in what the row of a file says now; a file that is new is the newest of its stream."""
        files = self._files.setdefault(file.stream_id, [])
        for i, known in enumerate(files):
            if known.origin == file.origin:
                files[i] = file
                return
        files.append(file)

    def forget(self, files: Sequence[HistoryFile]) -> None:
        """Remove files whose rows went. While files are held they stay."""
        for file in files:
            self._files[file.stream_id].remove(file)
        self._unwanted += [self.path_of(file) for file in files]
        self._remove_unwanted()

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """No file goes while the block runs; those that were let go of go when the last such block ends."""
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
            self._remove_unwanted()

    def _remove_unwanted(self) -> None:
        if not self._holders:
            for path in self._unwanted:
                path.unlink(missing_ok=True)
            self._unwanted.clear()
