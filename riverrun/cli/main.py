"""The `riverrun` command: every verb in one place. Heavy imports wait for the verb that needs them."""

from __future__ import annotations

import typer

from riverrun.cli.verbs import up

app = typer.Typer(
    name="riverrun",
    help="Online learning: run a stack, look at its models, and move what serving answers with.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(up.up)


@app.callback()
def root() -> None:
    """Online learning: run a stack, look at its models, and move what serving answers with."""


def main() -> None:
    """Entry point of the installed command."""
    app()
