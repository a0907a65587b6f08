"""What a replay says while it runs, and at its end."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from riverrun.cli.replay.run import Progress
from riverrun.cli.tables import metrics_words, table

EVERY_ROWS = 200
"""Recent metrics are worked out anew after this many labels."""


class Display:
    """A progress bar on stderr where that is a terminal; nothing otherwise."""

    def __init__(self, *, quiet: bool, total: int | None) -> None:
        console = Console(stderr=True)
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[words]}"),
            TimeElapsedColumn(),
            console=console,
            disable=quiet or not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("rows", total=total, words="")
        self._shown_at = 0

    def __enter__(self) -> Display:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def update(self, progress: Progress) -> None:
        """Show how far it is."""
        if self._bar.disable:
            return
        self._bar.update(self._task, completed=progress.predicted)
        if progress.labelled - self._shown_at >= EVERY_ROWS:
            self._shown_at = progress.labelled
            words = f"{progress.labelled} labels, version {progress.last_version}, "
            self._bar.update(self._task, words=words + metrics_words(progress.board.recent()))


def document(model: str, source: str, progress: Progress) -> dict[str, Any]:
    """The summary as one stable shape."""
    seconds = progress.seconds
    return {
        "model": model,
        "source": source,
        "rows": progress.predicted,
        "labelled": progress.labelled,
        "unlabelled": progress.unlabelled,
        "accepted": progress.accepted,
        "duplicates": progress.duplicates,
        "rejected": progress.rejected,
        "rejections": progress.rejections,
        "metrics": progress.board.metrics(),
        "recent": progress.board.recent(),
        "first_version": progress.first_version,
        "last_version": progress.last_version,
        "seconds": round(seconds, 3),
        "rows_per_second": round(progress.predicted / seconds, 1) if seconds else 0.0,
        "behind_s": round(progress.behind_s, 3),
        "did": f"{progress.predicted} rows of {source} predicted, {progress.accepted} labels durable",
        "undo": f"riverrun reset {model} --to {progress.first_version} --skip" if progress.accepted else "",
    }


def summary(found: dict[str, Any]) -> list[RenderableType]:
    """The summary for people."""
    rows = [
        ("rows", f"{found['rows']} in {found['seconds']:.1f} s, {found['rows_per_second']:.0f} a second"),
        ("labels", f"{found['accepted']} durable, {found['duplicates']} of them before"),
        ("never labelled", found["unlabelled"]),
        ("versions", f"{found['first_version']} to {found['last_version']}"),
        ("all rows", metrics_words(found["metrics"])),
        ("the last 1000", metrics_words(found["recent"])),
    ]
    if found["rejected"]:
        rows.append(("rejected", found["rejected"]))
    if found["behind_s"] > 1:
        rows.append(("behind", f"{found['behind_s']:.1f} s at worst: it could not keep the pace"))
    shown: list[RenderableType] = [table(("", ""), rows), found["did"]]
    return shown + ([f"undo: {found['undo']}"] if found["undo"] else [])
