"""Runs in a child process before its main module: applies the mutant that ``RIVERRUN_FAULT_MUTANT`` names.

``module:function`` of this folder, or ``module:function@program,…`` for ``python -m program`` alone. Only
processes that the harness starts with this folder first on their path come here.
"""

import importlib
import os
import sys

patch, _, programs = os.environ.get("RIVERRUN_FAULT_MUTANT", "").partition("@")
if patch and (not programs or not set(programs.split(",")).isdisjoint(sys.orig_argv)):
    module, _, function = patch.partition(":")
    getattr(importlib.import_module(module), function)()
    print(f'{{"event": "mutated", "mutant": "{patch}"}}', file=sys.stderr, flush=True)
