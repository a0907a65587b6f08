"""Wrong input to every call about experiments. `fraud` joins no labels, so that none can be started on it."""

from __future__ import annotations

from typing import Any

from riverrun.api.experiments.v1 import experiments_pb2 as pb


def _start(*more: pb.Arm, **fields: Any) -> pb.StartRequest:
    """A start that is right but for what is given."""
    arms = [pb.Arm(name="now", share=0.5, channel="live"), *(more or _arm())]
    plan = pb.Experiment(**({"name": "pace", "arms": arms} | fields))
    return pb.StartRequest(model="fraud", experiment=plan)


def _arm(**fields: Any) -> list[pb.Arm]:
    return [pb.Arm(**({"name": "old", "share": 0.5, "channel": "live"} | fields))]


def _guardrail(**fields: Any) -> pb.StartRequest:
    right: dict[str, Any] = {"judged": pb.Guardrail.JUDGED_LOSS, "above": 0.5}
    return _start(guardrails=[pb.Guardrail(**(right | fields))])


EXPERIMENTS: list[tuple[str, str, Any]] = [
    ("Start", "an unknown model", pb.StartRequest(model="nobody")),
    ("Start", "no name", _start(name="")),
    ("Start", "one arm", _start(arms=_arm())),
    ("Start", "two arms of one name", _start(*_arm(name="now"))),
    ("Start", "a share of 0", _start(*_arm(share=0))),
    ("Start", "shares above 1 together", _start(*_arm(share=0.6))),
    ("Start", "an arm that nothing answers", _start(*_arm(channel=""))),
    ("Start", "an arm that is frozen and moves", _start(*_arm(frozen=True, every={"seconds": 60}))),
    ("Start", "an interval below a second", _start(*_arm(channel="", every={"nanos": 1000}))),
    ("Start", "a chance of 1/2", _start(alpha=0.5)),
    ("Start", "a guardrail of nothing", _guardrail(judged=pb.Guardrail.JUDGED_UNSPECIFIED)),
    ("Start", "a bound of the loss of 1", _guardrail(above=1)),
    ("Start", "a guardrail of an unknown arm", _guardrail(arm="nobody")),
    ("Start", "a model that joins no labels", _start()),
    ("Get", "an unknown model", pb.GetRequest(model="nobody")),
    ("Get", "an unknown experiment", pb.GetRequest(model="fraud", name="pace")),
    ("List", "an unknown model", pb.ListRequest(model="nobody")),
    ("Stop", "an unknown experiment", pb.StopRequest(model="fraud", name="pace")),
    ("StopArm", "an unknown experiment", pb.StopArmRequest(model="fraud", name="pace", arm="old")),
    ("Promote", "an unknown experiment", pb.PromoteRequest(model="fraud", name="pace", arm="old")),
]
