"""An audit hook for any process, and the mutant that it must catch.

What it sees goes into the file that ``RIVERRUN_FAULT_AUDIT`` names, one line for each event.
"""

from __future__ import annotations

import os
import pickle
import sys
from typing import Any

VARIABLE = "RIVERRUN_FAULT_AUDIT"


def watched() -> None:
    """No mutant: pickle's look-ups are written down, and what marshal loads for anybody but an import."""
    file = os.open(os.environ[VARIABLE], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    module = next((word for word in sys.orig_argv if word.startswith("riverrun_")), "")
    os.write(file, f"watching {os.getpid()} {module}\n".encode())

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "pickle.find_class" or (event == "marshal.loads" and not _is_import()):
            os.write(file, f"{event} {arguments!r:.200}\n".encode())

    sys.addaudithook(hook)


def _is_import() -> bool:
    frame = sys._getframe(2)
    module = str(frame.f_globals.get("__name__", ""))
    return module.startswith("importlib.") or frame.f_code.co_filename.startswith("<frozen importlib")


def pickle_fallback() -> None:
    """Bytes that are no delta of ours are tried as a pickle; the hook is in place too."""
    watched()
    from riverrun_serving.sync import weights

    decoding = weights.decoding_side

    def or_unpickle(data: bytes, *, max_bytes: int) -> Any:
        try:
            return (yield from decoding(data, max_bytes=max_bytes))
        except Exception:
            pickle.loads(data)
            raise

    weights.decoding_side = or_unpickle
