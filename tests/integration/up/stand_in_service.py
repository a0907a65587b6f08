"""A process that behaves as one of the services might, for tests of the supervisor alone.

STAND_IN_PORT: where it answers /livez and /readyz. STAND_IN_KIND: ``steady``; ``crash``, which ends at
once; ``deaf``, which does not hear SIGTERM; ``mute``, which never answers; ``stuck``, which stops being live
at its third answer. Appends a line to STAND_IN_DIARY when it ends on request.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import FrameType

KIND = os.environ["STAND_IN_KIND"]


class Handler(BaseHTTPRequestHandler):
    answered = 0

    def do_GET(self) -> None:
        Handler.answered += 1
        self.send_response(503 if KIND == "stuck" and Handler.answered > 2 else 200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def on_term(number: int, frame: FrameType | None) -> None:
    with Path(os.environ["STAND_IN_DIARY"]).open("a") as diary:
        diary.write(f"{os.environ['STAND_IN_NAME']} {time.monotonic_ns()}\n")
    os._exit(0)


if __name__ == "__main__":
    if KIND == "crash":
        sys.exit("the disk is on fire")
    signal.signal(signal.SIGTERM, signal.SIG_IGN if KIND == "deaf" else on_term)
    if KIND == "mute":
        signal.pause()
    HTTPServer(("127.0.0.1", int(os.environ["STAND_IN_PORT"])), Handler).serve_forever()
