"""structlog without rich; services import this before anything imports `structlog`.

structlog imports rich wherever it is installed, to draw tracebacks on a terminal, and our command line needs
it installed. A pod writes JSON, and would pay a tenth of its start for it. None in `sys.modules` is
Python's own way to say that a module is not to be had; it is to be had again after this.
"""

from __future__ import annotations

import sys

if "structlog" not in sys.modules and "rich" not in sys.modules:
    sys.modules["rich"] = None  # type: ignore[assignment]  # what the import system takes for "not there"
    try:
        import structlog  # noqa: F401
    finally:
        del sys.modules["rich"]
