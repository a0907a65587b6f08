"""What the journal says of experiments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from riverrun.core.evaluation_report import EvaluationReport
from riverrun.core.experiments import Experiment
from riverrun.core.journal import JournalRecord
from riverrun_param_server.channel_records import By


def experiment_record(kind: str, experiment: Experiment, by: By, facts: Mapping[str, Any]) -> JournalRecord:
    """An experiment was started, stopped or won, or an arm of it stopped."""
    return JournalRecord(
        kind=kind, actor=by.actor, reason=by.reason, facts={"experiment": experiment.name, **facts}
    )


def plan_facts(plan: Experiment) -> Mapping[str, Any]:
    """What was asked for."""
    return {
        "arms": [
            {"name": arm.name, "share": arm.share, "channel": arm.channel, "pace": arm.pace.value}
            | ({"every_s": arm.every_s} if arm.every_s else {})
            for arm in plan.arms
        ],
        "guardrails": [
            {"judged": one.judged.value, "above": one.above, "arm": one.arm} for one in plan.guardrails
        ],
        "alpha": plan.alpha,
    }


def results_facts(report: EvaluationReport, name: str) -> Mapping[str, Any]:
    """What the experiment had come to; nothing where the report does not say."""
    found = next((one for one in report.experiments if one.name == name), None)
    if found is None:
        return {}
    arms = []
    for arm in found.arms:
        said: dict[str, Any] = {"arm": arm.arm, "answers": arm.answers, "keys": arm.keys, "loss": arm.loss}
        if arm.against_control is not None:
            said["difference"] = arm.against_control.difference
            said["low"], said["high"] = arm.against_control.low, arm.against_control.high
        arms.append(said)
    return {"results": arms, "mismatch": found.mismatch}
