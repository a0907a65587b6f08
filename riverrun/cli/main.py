"""The `riverrun` command: every verb in one place. Heavy imports wait for the verb that needs them."""

from __future__ import annotations

import typer

from riverrun.cli.verbs import catalogue, channels, policy, predictions, spec, status, up

HELP = "Online learning: run a stack, look at its models, and move what serving answers with."

app = typer.Typer(
    name="riverrun",
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
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
):
    app.command()(run)
policy_app.command()(policy.show)
policy_app.command("set")(policy.set_)
spec_app.command()(spec.check)
spec_app.command()(spec.schema)
app.add_typer(policy_app, name="policy")
app.add_typer(spec_app, name="spec")


def main() -> None:
    """Entry point of the installed command."""
    app()
