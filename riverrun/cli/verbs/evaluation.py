"""`riverrun evaluation`, `history`: how well a model does, and what moved of it and why."""

from __future__ import annotations

from typing import Annotated

import typer

from riverrun.cli.options import Model
from riverrun.cli.session import Session, verb

Line = Annotated[int, typer.Option(min=0, help="Of this line; 0: the one that is live.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="Show at most this many.")]
Before = Annotated[int, typer.Option(min=0, help="Only records below this one; 0: from the newest.")]


@verb("output", "server", "data")
async def evaluation(session: Session, model: Model, line: Line = 0) -> None:
    """Show how well a model does: what callers got beside what the newest weights would have answered.

    Each answer is judged once, when its label comes, before it is learned.

    JSON: {model, line, time, newest: {examples, version, metrics}, served: null or {…}, drift: [{name, on,
    values, found, passed_over, last_value, last_time, mean, recent}], labels: {joined, delay_p50, delay_p90,
    delay_p99, coverage}, gate: {mode, state, good_version, findings, last, excess_loss, bound}, holdout:
    {share, held, history, recent, history_loss, recent_loss}, slices: [{feature, value, examples, loss,
    recent_loss, usual_loss, worse}], calibration: {error, bins: [{answers, answered, came_true}]},
    distributions: [{name, stability_index}]}; what is null or empty may be left out.
    """
    from riverrun.cli.evaluation_view import evaluation_document, evaluation_tables

    found = await session.client.evaluation(model, line=line)
    session.answer(evaluation_document(found), *evaluation_tables(found))


@verb("output", "server", "data")
async def history(session: Session, model: Model, limit: Limit = 20, before: Before = 0) -> None:
    """Show what moved of a model, when, by whom and why, newest first.

    JSON: [{number, time, kind, actor, reason, line, channel, version, previous, facts}]; line, version and
    previous are null and channel is empty where a record is about none.
    """
    from riverrun.cli.evaluation_view import record_document, records_table

    found = await session.client.history(model, limit=limit, before=before)
    session.answer([record_document(record) for record in found], records_table(found))
