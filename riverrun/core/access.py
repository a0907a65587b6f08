"""Who calls, and what they may."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Role(enum.StrEnum):
    """What a caller is for; `riverrun.rpc.access.policy` says what each may call."""

    READER = "reader"
    """Looks at models, versions and weights; changes nothing."""

    CLIENT = "client"
    """Asks for predictions and gives feedback, at serving alone."""

    SERVING = "serving"
    """A serving process or a read replica: reads weights, appends what its callers send."""

    TRAINER = "trainer"
    """Reads events and pushes versions."""

    OPERATOR = "operator"
    """May call everything."""


ROLES: tuple[str, ...] = tuple(role.value for role in Role)


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller whose token was good. `name` is for people: a key's, or a service account's.

    `role` None: known, and may nothing but what anyone may.
    """

    name: str
    role: Role | None
