"""`riverrun retrain`: learn a model anew beside the one that is live."""

from __future__ import annotations

from typing import Annotated

import typer

from riverrun.cli.options import Model, parse_time
from riverrun.cli.session import Session, verb

Reason = Annotated[str, typer.Option(help="Why, for the record.", show_default=False)]
Since = Annotated[
    str,
    typer.Option(
        help="Learn no example before this RFC 3339 time. Else what the spec's history says.",
        show_default=False,
    ),
]


@verb("output", "server", "data")
async def start(session: Session, model: Model, reason: Reason = "", since: Since = "") -> None:
    """Learn the model anew from history, in a line of its own that takes over if it is better.

    Live goes on as it is meanwhile. One retrain of a model at a time.

    JSON: {model, line, state, reason, automatic, started, ended, outcome, since, progress: null or {phase,
    examples, behind, compared, excess_loss, excess_low, excess_high, problem}, did, undo}.
    """
    from riverrun.cli.outcomes import retrain_started_outcome, words

    moment = parse_time(since, "--since") if since else None
    outcome = retrain_started_outcome(await session.client.start_retrain(model, reason, since=moment))
    session.answer(outcome, *words(outcome))


@verb("output", "server", "data")
async def list_(session: Session, model: Model) -> None:
    """Show the retrains of a model, newest first: how far the one under way is, and what became of others.

    JSON: [{model, line, state, reason, automatic, started, ended, outcome, since, progress}].
    """
    from riverrun.cli.documents import retrain_document
    from riverrun.cli.tables import retrains_table

    retrains = await session.client.retrains(model)
    session.answer([retrain_document(one) for one in retrains], retrains_table(retrains))


@verb("output", "server", "data")
async def cancel(session: Session, model: Model, reason: Reason = "") -> None:
    """End the retrain that is under way; live goes on as it was.

    JSON: {model, line, state, reason, automatic, started, ended, outcome, since, progress, did, undo}.
    """
    from riverrun.cli.outcomes import retrain_cancelled_outcome, words

    outcome = retrain_cancelled_outcome(await session.client.cancel_retrain(model, reason))
    session.answer(outcome, *words(outcome))
