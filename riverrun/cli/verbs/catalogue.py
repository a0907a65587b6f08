"""`riverrun models`, `versions`, `readers`, `freshness`, `apply`, `delete`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from riverrun.cli.options import Model
from riverrun.cli.session import Session, verb

Limit = Annotated[int, typer.Option(min=1, max=10_000, help="Show at most this many.")]
Before = Annotated[int, typer.Option(min=0, help="Only versions below this one; 0: from the newest.")]
OfModel = Annotated[str, typer.Argument(help="Only those of this model.", show_default=False)]
Files = Annotated[
    list[Path],
    typer.Option("--file", "-f", help="A model spec, - for standard input; repeat it for more models."),
]


@verb("output", "server", "data")
async def models(session: Session) -> None:
    """List the models, their channels and lines.

    JSON: [{name, spec_revision, created, channels: [{name, version, generation, follows_line, held}],
    lines: [{number, head, epoch, closed}], problem}].
    """
    from riverrun.cli.documents import model_document
    from riverrun.cli.tables import models_table

    found = await session.client.models()
    session.answer([model_document(info) for info in found], models_table(found))


@verb("output", "server", "data")
async def versions(session: Session, model: Model, limit: Limit = 20, before: Before = 0) -> None:
    """List the versions of a model, newest first: what each costs on disk, in bytes, and why it is kept.

    A version is kept for those who use it (channel NAME, line NUMBER whose head it is, start of line NUMBER,
    reader ID), because it is good or the newest of all, and by its age: all that are recent, one a minute,
    one an hour. The delta is from the version before it that is kept.

    JSON: [{model, version, line, parent, epoch, digest, spec_digest, created, watermark, examples,
    metrics, positions, skipped, delta_bytes, good, kept_for: [reason], kept_delta_bytes,
    kept_snapshot_bytes}]; delta_bytes is what readers were sent when it was new.
    """
    from riverrun.cli.documents import kept_version_document
    from riverrun.cli.tables import versions_table

    found = await session.client.kept_versions(model, limit=limit, before=before)
    session.answer([kept_version_document(version) for version in found], versions_table(found))


@verb("output", "server", "data")
async def readers(session: Session, model: OfModel = "") -> None:
    """List the serving processes: which version each answers with, and how far it is behind.

    JSON: [{reader, address, model, channel, version, generation, lag, sync, reported, problem}].
    """
    from riverrun.cli.documents import reader_document
    from riverrun.cli.tables import readers_table

    found = await session.client.readers(model)
    session.answer([reader_document(reader) for reader in found], readers_table(found))


@verb("output", "server", "data")
async def freshness(session: Session, model: OfModel = "") -> None:
    """Show how fresh each serving process answers: from an event's arrival to answers by weights that learned
    from it.

    p50 and p99 of its last thousand versions, for the oldest event of each; with clocks of two machines in
    it. `lag` is how many versions it is behind now.

    JSON: [{reader, address, model, channel, version, lag, sync, reported, freshness_ms: {p50, p99, swaps} or
    null}].
    """
    from riverrun.cli.documents import freshness_document
    from riverrun.cli.tables import freshness_table

    found = await session.client.readers(model)
    session.answer([freshness_document(reader) for reader in found], freshness_table(found))


@verb("output", "server", "data")
async def apply(session: Session, file: Files) -> None:
    """Register model specs, or changes of them.

    publish, sync, metrics and label.window change in place; another task, learner, model, features or
    label type learns from scratch in a new line on the channel candidate, while live goes on. All specs
    are checked before any is registered.

    JSON: [{model, spec_revision, changed, opened_line, did, undo}], one for each file.
    """
    from riverrun.cli.outcomes import applied_outcome, words
    from riverrun.cli.spec_file import read_spec_file

    specs = [read_spec_file(path) for path in file]
    outcomes = [applied_outcome(await session.client.apply(found.text)) for found in specs]
    session.answer(outcomes, *(line for outcome in outcomes for line in words(outcome)))


@verb("output", "server", "data")
async def delete(session: Session, model: Model) -> None:
    """Delete a model: it is answered no more. Its versions and events are kept for seven days.

    JSON: {model, spec_yaml, did, undo}; applying spec_yaml brings the model back.
    """
    from rich.text import Text

    info = await session.client.delete(model)
    did = f"deleted {model}: serving answers it no more"
    undo = "within seven days, riverrun apply -f its spec"
    document = {"model": model, "spec_yaml": info.spec_yaml, "did": did, "undo": undo}
    session.answer(document, did, f"undo: {undo}, which is:", "", Text(info.spec_yaml))
