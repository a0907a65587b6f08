"""`riverrun policy show` and `set`: when weights move, changed while everything runs."""

from __future__ import annotations

from typing import Annotated

import typer

from riverrun.cli.options import Model
from riverrun.cli.session import Session, verb

Changes = Annotated[
    list[str],
    typer.Argument(
        metavar="KEY=VALUE...",
        help="Such as publish.every_events=10 or sync.mode=pinned; a value of null removes the key.",
        show_default=False,
    ),
]


@verb("output", "server", "data")
async def show(session: Session, model: Model) -> None:
    """Show the policies of a model, and what follows from them.

    JSON: {model, spec_revision, set: {key: value}, publish, sync}; publish and sync are in words.
    """
    from riverrun.cli.outcomes import value_text
    from riverrun.cli.tables import table
    from riverrun.client.policy_edit import policies
    from riverrun.core.spec import parse_spec

    info = await session.client.model(model)
    spec = parse_spec(info.spec_yaml)
    given = policies(info.spec_yaml)
    document = {
        "model": info.name,
        "spec_revision": info.spec_revision,
        "set": given,
        "publish": spec.publish.describe(),
        "sync": spec.sync.describe(),
    }
    rows = [(key, value_text(value)) for key, value in given.items()]
    session.answer(
        document,
        f"publish: {spec.publish.describe()}\nsync: {spec.sync.describe()}\n",
        table(("key", "value"), rows, "no key is set: these are the defaults"),
    )


@verb("output", "server", "data")
async def set_(session: Session, model: Model, changes: Changes) -> None:
    """Set policy keys of a model's spec together; the rest of the spec stays as it is written.

    Takes effect at once and restarts nothing.

    JSON: {model, spec_revision, before: {key: value}, after: {key: value}, did, undo}.
    """
    from riverrun.cli.outcomes import policy_outcome, words
    from riverrun.client.policy_edit import parse_value

    values = {}
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals or not key:
            raise typer.BadParameter(f"expected KEY=VALUE, got {change[:60]!r}", param_hint="KEY=VALUE")
        values[key] = parse_value(text)
    outcome = policy_outcome(await session.client.set_policies(model, values))
    session.answer(outcome, *words(outcome))
