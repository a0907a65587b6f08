"""What verbs show to people."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

from rich.table import Table

from riverrun.cli.documents import rfc3339
from riverrun.client.answers import ModelStatus, SetAside, Status
from riverrun.core.retraining import Retrain
from riverrun.core.spec.quantities import format_duration
from riverrun.core.versions import LIVE, Channel, KeptVersion, ModelInfo, ReaderInfo

MAX_BODY_SHOWN = 120


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str = "none") -> Table | str:
    """A plain table; `empty` where there are no rows."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        made.add_column(column, overflow="fold", no_wrap=index == 0)
    for row in rows:
        made.add_row(*("" if cell is None else str(cell) for cell in row))
    return made if made.row_count else empty


def models_table(models: Sequence[ModelInfo]) -> Table | str:
    """One row a model."""
    rows = [
        (m.name, m.spec_revision, "  ".join(map(channel_words, m.channels)), heads(m), m.problem or "ok")
        for m in models
    ]
    return table(
        ("model", "spec", "channels", "lines", "learning"), rows, "no models; riverrun apply -f SPEC"
    )


def versions_table(versions: Sequence[KeptVersion]) -> Table | str:
    """One row a version, newest first."""
    rows = [
        (
            v.version,
            v.line,
            v.parent or "",
            v.examples,
            metrics_words(v.metrics),
            rfc3339(v.created_ns),
            kept.delta_bytes or "",
            kept.snapshot_bytes or "",
            ", ".join(kept.reasons) or "not for long",
            v.digest.hex()[:12],
        )
        for kept in versions
        for v in (kept.manifest,)
    ]
    columns = ["version", "line", "parent", "examples", "metrics", "created", "delta", "snapshot"]
    return table([*columns, "kept for", "digest"], rows, "no versions yet")


def readers_table(readers: Sequence[ReaderInfo]) -> Table | str:
    """One row a reader and channel."""
    rows = [
        (r.reader_id, r.address, r.model, r.channel, r.version, r.lag, r.sync, r.problem or "ok")
        for r in readers
    ]
    columns = ("reader", "address", "model", "channel", "version", "lag", "sync", "state")
    return table(columns, rows, "no readers")


def freshness_table(readers: Sequence[ReaderInfo]) -> Table | str:
    """One row a reader and channel."""
    rows = []
    for r in readers:
        found = r.freshness
        times = ("", "", "") if found is None else (_ms(found.p50_s), _ms(found.p99_s), found.swaps)
        rows.append((r.reader_id, r.model, r.channel, r.version, r.lag, r.sync, *times))
    columns = ("reader", "model", "channel", "version", "lag", "sync", "p50", "p99", "swaps")
    return table(columns, rows, "no readers")


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.4g} ms"


def letters_table(letters: Sequence[SetAside]) -> Table | str:
    """One row a dead letter; of the event as much as fits."""
    rows = [
        (
            one.letter.id,
            one.letter.reason,
            rfc3339(one.letter.received_ns),
            one.letter.event_id,
            "yes" if one.replayed else "",
            one.letter.body[:MAX_BODY_SHOWN].decode(errors="replace"),
        )
        for one in letters
    ]
    return table(("letter", "reason", "received", "event id", "replayed", "event"), rows, "no dead letters")


def retrains_table(retrains: Sequence[Retrain]) -> Table | str:
    """One row a retrain, newest first."""
    rows = [
        (
            one.line,
            one.state.value,
            rfc3339(one.started_ns),
            one.reason or ("a trigger" if one.automatic else "by hand"),
            _progress_words(one),
        )
        for one in retrains
    ]
    return table(("line", "state", "started", "why", "what became of it"), rows, "no retrains")


def _progress_words(retrain: Retrain) -> str:
    progress = retrain.progress
    if retrain.ended_ns:
        return f"{retrain.outcome} ({rfc3339(retrain.ended_ns)})"
    if progress is None:
        return "waits for a process that runs it"
    words = f"{progress.phase.value}: {progress.examples} examples, {progress.behind} events behind"
    if progress.compared:
        surely = f"[{progress.excess_low:.4f}, {progress.excess_high:.4f}]"
        words += f"; {progress.compared} compared, excess loss {progress.excess_loss:.4f} in {surely}"
    return words + (f"; {progress.problem}" if progress.problem else "")


def status_tables(status: Status, now_ns: int | None = None) -> list[Table | str]:
    """A table of models, and one of processes where the run folder names any."""
    now_ns = time.time_ns() if now_ns is None else now_ns
    columns = ("model", "live", "head", "examples", "metrics", "learned", "readers", "learning")
    shown = [table(columns, (_status_row(one, now_ns) for one in status.models), "no models")]
    if status.services:
        rows = [
            (
                record.name,
                record.pid,
                "running" if record.is_running else "gone",
                "  ".join(f"{kind} {port}" for kind, port in record.ports.items()),
            )
            for record in status.services
        ]
        shown += ["", table(("service", "pid", "state", "ports"), rows)]
    return shown


def channel_words(channel: Channel) -> str:
    """A channel in words, such as ``live 12 (line 1)`` or ``live 12 (held)``."""
    return f"{channel.name} {channel.version} ({'held' if channel.held else f'line {channel.follows}'})"


def heads(info: ModelInfo) -> str:
    """The open lines and their newest versions."""
    return "  ".join(f"line {line.number} at {line.head}" for line in info.lines if not line.closed)


def metrics_words(metrics: Mapping[str, float]) -> str:
    """The metrics, four digits each."""
    return "  ".join(f"{name} {value + 0.0:.4g}" for name, value in metrics.items())


def _status_row(status: ModelStatus, now_ns: int) -> tuple[object, ...]:
    live = status.model.channel(LIVE)
    manifest = status.live
    lags = [reader.lag for reader in status.readers if reader.channel == LIVE]
    troubles = [reader.problem for reader in status.readers if reader.problem]
    age = "" if manifest is None else ago(max(0, now_ns - manifest.created_ns) / 1e9)
    return (
        status.model.name,
        "none" if live is None else channel_words(live).removeprefix("live "),
        heads(status.model),
        "" if manifest is None else manifest.examples,
        "" if manifest is None else metrics_words(manifest.metrics),
        age,
        f"{len(lags)}, lag {max(lags)}" if lags else "none",
        status.model.problem or "; ".join(troubles) or "ok",
    )


def ago(seconds: float) -> str:
    """How long ago, in words, one unit of precision."""
    for unit in (86_400, 3_600, 60, 1):
        if seconds >= unit:
            return f"{format_duration(seconds // unit * unit)} ago"
    return "just now"
