"""`riverrun dead-letters`: what could not be learned and why, and learning it after all."""

from __future__ import annotations

from typing import Annotated

import typer

from riverrun.cli.options import Model
from riverrun.cli.session import Session, fail, verb

Ids = Annotated[
    list[str],
    typer.Option("--id", help="Only the letter of this id; repeat it for more.", show_default=False),
]
Reason = Annotated[
    str, typer.Option(help="Only letters whose reason holds this text, in any case.", show_default=False)
]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="Show at most this many; --replay has no limit.")]
Replay = Annotated[bool, typer.Option("--replay", help="Append their events again, each once.")]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Show those that come from now on, until Ctrl-C.")]


@verb("output", "server", "data")
async def dead_letters(
    session: Session,
    model: Model,
    id: Ids = [],  # noqa: B006  # typer's way to say none
    reason: Reason = "",
    limit: Limit = 100,
    replay: Replay = False,
    watch: Watch = False,
) -> None:
    """List the events that could not be learned, newest first, with the reason; or learn them after all.

    With --replay the events of those letters, of all without --id and --reason, go back into their streams.
    Each letter is replayed once, however often it is asked for; an event that fails again is a new letter.
    Exit status 1 when one cannot be replayed; the others are all the same.

    JSON: [{id, reason, stream, offset, event_id, time, received, body, body_base64, cut_from_bytes,
    replayed}], body null where it is not JSON and body_base64 null where it is; with --watch one of them a
    line. With --replay {model, replayed: [id], before: [id], refused: {id: why}, did, undo}.
    """
    from riverrun.cli.documents import letter_document
    from riverrun.cli.outcomes import letters_outcome, words
    from riverrun.cli.tables import letters_table
    from riverrun.client.answers import SetAside

    if replay + watch == 2:
        raise typer.BadParameter("give one of --replay and --watch", param_hint="--watch")
    if watch and (id or reason):
        raise typer.BadParameter("--watch shows every letter; leave --id and --reason", param_hint="--watch")
    if watch:
        async for letter in session.client.watch_dead_letters(model):
            one = SetAside(letter, replayed=False)
            session.answer(letter_document(one), letters_table([one]))
        return
    if not replay:
        found = await session.client.dead_letters(model, ids=id, reason=reason, limit=limit)
        session.answer([letter_document(one) for one in found], letters_table(found))
        return
    done = await session.client.replay_dead_letters(model, ids=id, reason=reason)
    outcome = letters_outcome(done)
    session.answer(outcome, *words(outcome))
    for letter_id, why in done.refused.items():
        more = f" ({len(done.refused) - 1} more)" if len(done.refused) > 1 else ""
        fail(f"{letter_id}: {why}{more}")
