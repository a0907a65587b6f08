"""`riverrun experiment start`, `list`, `status`, `report`, `stop` and `promote`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from riverrun.cli.options import Model
from riverrun.cli.session import Session, verb

if TYPE_CHECKING:
    from riverrun.core.experiments import Experiment

Name = Annotated[str, typer.Argument(help="The experiment's name.", show_default=False)]
AnyName = Annotated[
    str, typer.Argument(help="The experiment's name; by default the newest.", show_default=False)
]
ArmName = Annotated[str, typer.Argument(metavar="ARM", help="The arm that wins.", show_default=False)]
Arms = Annotated[
    list[str],
    typer.Option(
        "--arm",
        metavar="NAME=WHAT@SHARE",
        help="An arm, the control first: WHAT is a channel, every:INTERVAL for live as it was at most that "
        "long ago, or frozen for live as it is now. Such as control=live@50%, hourly=every:1h@50%.",
        show_default=False,
    ),
]
Guardrails = Annotated[
    list[str] | None,
    typer.Option(
        "--guardrail",
        metavar="[ARM.]JUDGED=ABOVE",
        help="Stop an arm once its loss, or its harm (loss less the control's), is surely above a bound. "
        "Such as harm=0.05 for all but the control, or hourly.loss=0.3.",
        show_default=False,
    ),
]
Alpha = Annotated[float, typer.Option(help="Chance at most that a comparison or a guardrail is ever wrong.")]
Scale = Annotated[float, typer.Option(help="For regression: the error that counts one half.")]
Reason = Annotated[str, typer.Option(help="Why, for the record.", show_default=False)]
Out = Annotated[
    Path, typer.Option("--out", help="File of the plot; its ending says the format, such as .png or .svg.")
]


@verb("output", "server", "data")
async def start(
    session: Session,
    model: Model,
    name: Name,
    arm: Arms,
    guardrail: Guardrails = None,
    alpha: Alpha = 0.05,
    scale: Scale = 0.0,
    reason: Reason = "",
) -> None:
    """Answer keys by the arms of an experiment from now on. A model runs one at a time.

    The key of a request decides its arm, the same on every serving process; one without a key takes no part.

    JSON: {model, name, state, arms: [{name, share, channel, pace, every_s, stopped, stop_reason}],
    guardrails: [{judged, above, arm}], alpha, started, ended, end_reason, winner, did, undo}.
    """
    from riverrun.cli.experiment_options import parse_arm, parse_guardrail

    started = await session.client.start_experiment(
        model,
        name,
        [parse_arm(text) for text in arm],
        guardrails=[parse_guardrail(text) for text in guardrail or ()],
        alpha=alpha,
        scale=scale,
        reason=reason,
    )
    _say(
        session,
        model,
        started,
        f"{model}: experiment {name} runs",
        f"riverrun experiment stop {model} {name}",
    )


@verb("output", "server", "data")
async def list_(session: Session, model: Model) -> None:
    """List a model's experiments, newest first: the one that runs, and those that ended last.

    JSON: {model, experiments: [{name, state, arms: […], …}]}.
    """
    from riverrun.cli.experiment_view import experiment_document, experiments_table

    found = await session.client.experiments(model)
    document = {"model": model, "experiments": [experiment_document(one) for one in found]}
    session.answer(document, experiments_table(found))


@verb("output", "server", "data")
async def status(session: Session, model: Model, name: AnyName = "") -> None:
    """Show what an experiment has come to; look whenever you like, its intervals hold at any time.

    JSON: {model, name, state, arms: […], …, results: {arms: [{arm, answers, keys, loss, difference,
    difference_low, difference_high, decided}], ratio_p, mismatch, is_full}}.
    """
    from riverrun.cli.experiment_view import status_document, status_shown

    found = await session.client.experiment(model, name)
    session.answer(status_document(found), *status_shown(found))


@verb("output", "server", "data")
async def report(
    session: Session, model: Model, name: AnyName = "", out: Out = Path("experiment.png")
) -> None:
    """Draw what an experiment has come to, and how: each arm against the control as labels came.

    Needs matplotlib: pip install 'riverrun[plot]'.

    JSON: as status, and {plot}.
    """
    from riverrun.cli.experiment_plot import plot
    from riverrun.cli.experiment_view import status_document, status_shown

    found = await session.client.experiment(model, name)
    plot(found, out)
    session.answer(status_document(found) | {"plot": str(out)}, *status_shown(found), "", f"plot: {out}")


@verb("output", "server", "data")
async def stop(session: Session, model: Model, name: Name, reason: Reason = "") -> None:
    """End an experiment: every key is answered by live again.

    JSON: {model, name, state, arms: […], …, did, undo}.
    """
    ended = await session.client.stop_experiment(model, name, reason=reason)
    _say(session, model, ended, f"{model}: experiment {name} has ended", "")


@verb("output", "server", "data")
async def promote(session: Session, model: Model, name: Name, arm: ArmName, reason: Reason = "") -> None:
    """End an experiment with a winner: live goes where that arm is.

    It follows the line that the arm's channel follows, or is held at its version. An arm that moves once each
    interval sets the model's sync policy.

    JSON: {model, name, state, arms: […], …, did, undo}.
    """
    ended = await session.client.promote_arm(model, name, arm, reason=reason)
    _say(session, model, ended, f"{model}: arm {arm} won experiment {name}", f"riverrun rollback {model}")


def _say(session: Session, model: str, experiment: Experiment, did: str, undo: str) -> None:
    from riverrun.cli.experiment_view import experiment_document
    from riverrun.cli.outcomes import words

    outcome = {"model": model, **experiment_document(experiment), "did": did, "undo": undo}
    session.answer(outcome, *words(outcome))
