"""`riverrun promote`, `rollback`, `reset`, `pin`, `pause`, `resume`: which version is answered with."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from riverrun.cli.options import Channel, Model, parse_time
from riverrun.cli.session import Session, verb

if TYPE_CHECKING:
    from riverrun.client.answers import ChannelMoved


class ExamplesSince(enum.StrEnum):
    """What becomes of the examples since the version that learning goes back to."""

    SKIP = "skip"
    REPLAY = "replay"


Line = Annotated[
    int | None,
    typer.Option(min=1, help="The line to follow; by default the one candidate follows.", show_default=False),
]
Version = Annotated[int, typer.Argument(min=1, help="The version's number.", show_default=False)]
PromotedVersion = Annotated[
    int | None,
    typer.Option("--version", min=1, help="Hold live at this version instead.", show_default=False),
]
To = Annotated[int | None, typer.Option("--to", min=1, help="To this version.", show_default=False)]
BeforeTime = Annotated[
    str,
    typer.Option("--before", help="To the newest version before this RFC 3339 time.", show_default=False),
]
Reset = Annotated[
    ExamplesSince | None,
    typer.Option(
        "--reset",
        help="Let learning go back to that version too, and skip the examples since or replay them.",
        show_default=False,
    ),
]
ResetTo = Annotated[int, typer.Option("--to", min=1, help="Go on learning from this version.")]
Skip = Annotated[
    bool, typer.Option("--skip/--replay", help="Skip the examples learned since, or learn them again.")
]
Why = Annotated[str, typer.Option("--reason", help="Why, for riverrun history.", show_default=False)]


@verb("output", "server", "data")
async def promote(
    session: Session, model: Model, line: Line = None, version: PromotedVersion = None, reason: Why = ""
) -> None:
    """Put the candidate live: live follows its line from now on, and the old line is closed.

    JSON: {model, channel: {name, version, generation, follows_line, held}, previous: {…}, reset, did, undo}.
    """
    _say(session, await session.client.promote(model, line=line, version=version, reason=reason))


@verb("output", "server", "data")
async def rollback(
    session: Session,
    model: Model,
    to: To = None,
    before: BeforeTime = "",
    reset: Reset = None,
    channel: Channel = "live",
    reason: Why = "",
) -> None:
    """Answer with an older version at once, everywhere, and stay there until resume.

    Without --to and --before it is the newest version that was marked good. Learning goes on, unseen.

    JSON: {model, channel: {…}, previous: {…}, reset: null or the line, did, undo}.
    """
    moved = await session.client.rollback(
        model,
        to=to,
        before=parse_time(before, "--before") if before else None,
        reset=None if reset is None else reset.value,
        channel=channel,
        reason=reason,
    )
    _say(session, moved)


@verb("output", "server", "data")
async def reset(session: Session, model: Model, to: ResetTo, skip: Skip, reason: Why = "") -> None:
    """Go on learning from an older version, in a new line that the channels of the old one follow.

    JSON: {model, line: {number, head, epoch, closed}, to, previous_head, did, undo}.
    """
    from riverrun.cli.outcomes import reset_outcome, words

    examples: Literal["skip", "replay"] = "skip" if skip else "replay"
    outcome = reset_outcome(await session.client.reset(model, to=to, examples=examples, reason=reason))
    session.answer(outcome, *words(outcome))


@verb("output", "server", "data")
async def pin(
    session: Session, model: Model, version: Version, channel: Channel = "live", reason: Why = ""
) -> None:
    """Hold a channel at a version until resume or promote. A new channel is made.

    JSON: {model, channel: {…}, previous: {…}, reset, did, undo}.
    """
    _say(session, await session.client.pin(model, version, channel=channel, reason=reason))


@verb("output", "server", "data")
async def pause(session: Session, model: Model, channel: Channel = "live", reason: Why = "") -> None:
    """Hold a channel where it is.

    JSON: {model, channel: {…}, previous: {…}, reset, did, undo}.
    """
    _say(session, await session.client.pause(model, channel=channel, reason=reason))


@verb("output", "server", "data")
async def resume(session: Session, model: Model, channel: Channel = "live", reason: Why = "") -> None:
    """Let a channel follow its line again; it goes to the newest version at once.

    JSON: {model, channel: {…}, previous: {…}, reset, did, undo}.
    """
    _say(session, await session.client.resume(model, channel=channel, reason=reason))


def _say(session: Session, moved: ChannelMoved) -> None:
    from riverrun.cli.outcomes import moved_outcome, words

    outcome = moved_outcome(moved)
    session.answer(outcome, *words(outcome))
