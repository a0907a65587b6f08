"""The `riverrun` command: every verb in one place. Heavy imports wait for the verb that needs them."""

from __future__ import annotations

from collections.abc import Callable

import typer

from riverrun.cli.verbs import catalogue, channels, policy, predictions, replay, spec, status, up

HELP = "Online learning: run a stack, look at its models, and move what serving answers with."

app = typer.Typer(
    name="riverrun",
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _add(to: typer.Typer, run: Callable[..., None], name: str | None = None) -> None:
    """Add a verb; lists show the first sentence of its help whole."""
    first = " ".join((run.__doc__ or "").split()).partition(". ")[0]
    to.command(name, short_help=first.rstrip("."))(run)


policy_app = typer.Typer(no_args_is_help=True, help="Show or set when weights move, while everything runs.")
spec_app = typer.Typer(no_args_is_help=True, help="Check model specs, or print their JSON schema.")

for run in (
    up.up,
    catalogue.models,
    catalogue.versions,
    catalogue.readers,
    status.status,
    catalogue.apply,
    catalogue.delete,
    channels.promote,
    channels.rollback,
    channels.reset,
    channels.pin,
    channels.pause,
    channels.resume,
    predictions.predict,
    predictions.feedback,
    replay.replay,
):
    _add(app, run)
_add(policy_app, policy.show)
_add(policy_app, policy.set_, "set")
_add(spec_app, spec.check)
_add(spec_app, spec.schema)
app.add_typer(policy_app, name="policy")
app.add_typer(spec_app, name="spec")


def main() -> None:
    """Entry point of the installed command."""
    app()
