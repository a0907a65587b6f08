"""Starting a process as a mutant: `mutants/sitecustomize.py` patches it before its main module runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

MUTANTS = Path(__file__).resolve().parent.parent / "mutants"
VARIABLE = "RIVERRUN_FAULT_MUTANT"


def mutated(environment: Mapping[str, str], patch: str) -> dict[str, str]:
    """`environment` with the mutant `patch`, as `mutants.table` names it; unchanged for an empty one.

    Inherited by children: ``module:function@riverrun_trainer`` patches, of all the processes beneath, only
    those that run that module.
    """
    if not patch:
        return dict(environment)
    path = os.pathsep.join(filter(None, [str(MUTANTS), environment.get("PYTHONPATH", "")]))
    return {**environment, VARIABLE: patch, "PYTHONPATH": path}
