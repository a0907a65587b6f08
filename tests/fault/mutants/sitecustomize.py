"""Runs in a child process before its main module: applies the mutant that ``RIVERRUN_FAULT_MUTANT`` names.

Only processes that the harness starts with this folder first on their path come here.
"""

import importlib
import os
import sys

name = os.environ.get("RIVERRUN_FAULT_MUTANT", "")
if name:
    module, _, function = name.partition(":")
    getattr(importlib.import_module(module), function)()
    print(f'{{"event": "mutated", "mutant": "{name}"}}', file=sys.stderr, flush=True)
