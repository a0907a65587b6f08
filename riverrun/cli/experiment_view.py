"""What the verbs of experiments show: documents, tables and words."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from riverrun.cli.documents import Document, rfc3339
from riverrun.cli.tables import table
from riverrun.client.answers import ExperimentStatus
from riverrun.core.experiment_results import ArmResult, ExperimentResults
from riverrun.core.experiments import Arm, Experiment, Guardrail, Pace
from riverrun.core.spec.quantities import format_duration


def experiment_document(experiment: Experiment) -> Document:
    """An experiment; `ended` null: it runs."""
    return {
        "name": experiment.name,
        "state": state(experiment),
        "arms": [
            {
                "name": arm.name,
                "share": arm.share,
                "channel": arm.channel,
                "pace": arm.pace.value,
                "every_s": arm.every_s or None,
                "stopped": rfc3339(arm.stopped_ns),
                "stop_reason": arm.stop_reason,
            }
            for arm in experiment.arms
        ],
        "guardrails": [
            {"judged": one.judged.value, "above": one.above, "arm": one.arm} for one in experiment.guardrails
        ],
        "alpha": experiment.alpha,
        "started": rfc3339(experiment.started_ns),
        "ended": rfc3339(experiment.ended_ns),
        "end_reason": experiment.end_reason,
        "winner": experiment.winner,
    }


def status_document(status: ExperimentStatus) -> Document:
    """An experiment with its results, which are null before its trainer reported any."""
    results = status.results
    return {
        "model": status.model,
        **experiment_document(status.experiment),
        "results": None
        if results is None
        else {
            "arms": [_result_document(one) for one in results.arms],
            "ratio_p": results.ratio_p,
            "mismatch": results.mismatch,
            "is_full": results.is_full,
        },
    }


def state(experiment: Experiment) -> str:
    """How it stands, in a word."""
    if experiment.is_running:
        return "running"
    return f"won by {experiment.winner}" if experiment.winner else "stopped"


def experiments_table(experiments: Sequence[Experiment]) -> Table | str:
    """One row an experiment."""
    rows = [
        (
            one.name,
            state(one),
            "  ".join(f"{arm.name} {arm.share:.0%}" for arm in one.arms),
            rfc3339(one.started_ns),
            rfc3339(one.ended_ns),
            one.end_reason,
        )
        for one in experiments
    ]
    return table(("experiment", "state", "arms", "started", "ended", "why"), rows, "no experiments")


def status_shown(status: ExperimentStatus) -> list[Table | str]:
    """An experiment with its results, for people."""
    experiment, results = status.experiment, status.results
    rows = [_row(arm, results) for arm in experiment.arms]
    columns = ("arm", "answers by", "share", "answers", "keys", "loss", "against control", "state")
    shown: list[Table | str] = [
        f"{experiment.name} on {status.model}: {state(experiment)}"
        + (f" ({experiment.end_reason})" if experiment.end_reason else ""),
        "",
        table(columns, rows),
    ]
    if experiment.guardrails:
        shown += ["", "stops an arm by itself: " + ", ".join(map(guardrail_words, experiment.guardrails))]
    if results is not None and results.mismatch:
        shown += [
            "",
            f"THE SHARES ARE NOT THOSE DECLARED (p = {results.ratio_p:.2g}): answers of some arm are lost on "
            "the way, and the comparison cannot be believed.",
        ]
    return shown


def what_answers(arm: Arm) -> str:
    """What an arm is, as it was asked for."""
    if arm.pace is Pace.EVERY:
        return f"live, every {format_duration(arm.every_s)}"
    return "live, frozen at the start" if arm.pace is Pace.FROZEN else arm.channel


def guardrail_words(guardrail: Guardrail) -> str:
    """A guardrail in words."""
    return f"{guardrail.judged} of {guardrail.arm or 'any arm'} surely above {guardrail.above:g}"


def _row(arm: Arm, results: ExperimentResults | None) -> tuple[object, ...]:
    result = None if results is None else results.arm(arm.name)
    fixed = (arm.name, what_answers(arm), f"{arm.share:.0%}")
    standing = f"stopped: {arm.stop_reason}" if arm.is_stopped else ""
    if result is None or result.loss is None:
        return (*fixed, "", "", "", "", standing or "no labels yet")
    compared = result.against_control
    words, verdict = "", "control"
    if compared is not None:
        words = f"{compared.difference:+.4f} ({compared.low:+.4f} to {compared.high:+.4f})"
        verdict = "not decided"
        if compared.is_decided:
            verdict = "better" if compared.high < 0 else "worse"
    return (*fixed, result.answers, result.keys, f"{result.loss:.4f}", words, standing or verdict)


def _result_document(result: ArmResult) -> Document:
    compared = result.against_control
    return {
        "arm": result.arm,
        "answers": result.answers,
        "keys": result.keys,
        "loss": result.loss,
        "difference": None if compared is None else compared.difference,
        "difference_low": None if compared is None else compared.low,
        "difference_high": None if compared is None else compared.high,
        "decided": compared is not None and compared.is_decided,
    }
