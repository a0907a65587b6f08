"""The `riverrun` command: every verb in one place. Heavy imports wait for the verb that needs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from riverrun import __version__
from riverrun.cli.verbs import (
    catalogue,
    channels,
    dead_letters,
    evaluation,
    experiments,
    objects,
    policy,
    predictions,
    replay,
    retraining,
    security,
    spec,
    status,
    store,
    up,
)

app = typer.Typer(
    name="riverrun",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Help texts hold brackets that are meant as they are, and must not cost the import of rich.
    rich_markup_mode=None,
)
policy_app = typer.Typer(no_args_is_help=True, help="Show or set when weights move, while everything runs.")
retrain_app = typer.Typer(
    no_args_is_help=True, help="Learn a model anew beside live, which it replaces if better."
)
spec_app = typer.Typer(no_args_is_help=True, help="Check model specs, or print their JSON schema.")
keys_app = typer.Typer(no_args_is_help=True, help="Make keys for callers of a stack with tokens.")
certs_app = typer.Typer(no_args_is_help=True, help="Make certificates for the services of a stack with TLS.")
experiment_app = typer.Typer(no_args_is_help=True, help="Compare channels or sync policies on live traffic.")
store_app = typer.Typer(no_args_is_help=True, help="Prove, copy and restore what the parameter server keeps.")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"riverrun {__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
]


@app.callback()
def root(version: Version = False) -> None:
    """Online learning: run a stack, look at its models, and move what serving answers with."""


def add_verb(to: typer.Typer, run: Callable[..., None], name: str | None = None) -> None:
    """Add a verb; lists show the first sentence of its help whole."""
    first = " ".join((run.__doc__ or "").split()).partition(". ")[0]
    to.command(name, short_help=first.rstrip("."))(run)


STACK_VERBS: tuple[Callable[..., None], ...] = (
    catalogue.models,
    catalogue.versions,
    catalogue.readers,
    catalogue.freshness,
    status.status,
    evaluation.evaluation,
    evaluation.history,
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
    dead_letters.dead_letters,
)
"""What can be done with a stack wherever it runs."""

for verb in (up.up, *STACK_VERBS):
    add_verb(app, verb)
add_verb(app, objects.import_, "import")
for name, verb in {
    "start": experiments.start,
    "list": experiments.list_,
    "status": experiments.status,
    "report": experiments.report,
    "stop": experiments.stop,
    "promote": experiments.promote,
}.items():
    add_verb(experiment_app, verb, name)
add_verb(policy_app, policy.show)
add_verb(policy_app, policy.set_, "set")
add_verb(spec_app, spec.check)
add_verb(spec_app, spec.schema)
app.add_typer(experiment_app, name="experiment")
app.add_typer(policy_app, name="policy")
add_verb(retrain_app, retraining.start)
add_verb(retrain_app, retraining.list_, "list")
add_verb(retrain_app, retraining.cancel)
app.add_typer(retrain_app, name="retrain")
app.add_typer(spec_app, name="spec")
add_verb(store_app, store.verify)
add_verb(store_app, store.backup)
add_verb(store_app, store.restore)
app.add_typer(store_app, name="store")
add_verb(keys_app, security.new)
app.add_typer(keys_app, name="keys")
add_verb(certs_app, security.issue, "new")
app.add_typer(certs_app, name="certs")


def main() -> None:
    """Entry point of the installed command."""
    app()
