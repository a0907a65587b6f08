"""Arms and guardrails as people write them on a command line."""

from __future__ import annotations

import typer

from riverrun.core.experiments import Arm, Guardrail, Judged, Pace
from riverrun.core.spec.quantities import parse_duration, parse_share

EVERY, FROZEN = "every:", "frozen"

ARM_FORM = "NAME=WHAT@SHARE"
GUARDRAIL_FORM = "[ARM.]JUDGED=ABOVE"


def parse_arm(text: str) -> Arm:
    """``hourly=every:1h@25%`` as an arm; raises a usage error that names the option."""
    name, equals, rest = text.partition("=")
    what, at, share_text = rest.rpartition("@")
    if not (name and equals and what and at):
        raise _usage("--arm", f"expected {ARM_FORM}, such as control=live@50%, got {text[:60]!r}")
    try:
        share = parse_share(share_text)
        if what.startswith(EVERY):
            return Arm(name, share, "", Pace.EVERY, parse_duration(what.removeprefix(EVERY)))
    except ValueError as error:
        raise _usage("--arm", f"{error}, got {text[:60]!r}") from None
    return Arm(name, share, "", Pace.FROZEN) if what == FROZEN else Arm(name, share, what)


def parse_guardrail(text: str) -> Guardrail:
    """``hourly.loss=0.3`` as a guardrail; raises a usage error that names the option."""
    left, equals, bound = text.partition("=")
    arm, _, judged = left.rpartition(".")
    try:
        if not equals or judged not in list(Judged):
            raise ValueError
        return Guardrail(Judged(judged), float(bound), arm)
    except ValueError:
        known = " or ".join(Judged)
        raise _usage(
            "--guardrail", f"expected {GUARDRAIL_FORM} with {known}, such as harm=0.05, got {text[:60]!r}"
        ) from None


def _usage(option: str, message: str) -> typer.BadParameter:
    return typer.BadParameter(message, param_hint=option)
