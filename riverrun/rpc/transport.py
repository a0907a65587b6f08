"""How gRPC's core waits for sockets; services import this before anything imports `grpc`.

gRPC's event engine reads sockets in threads of its own, which wake the thread that Python's completion
queue waits in, which wakes the event loop. With the older poller the second thread reads the sockets
itself: one thread fewer to wake for each message. A message there and back over a stream takes about 0.6
of the time (`python -m benchmarks.grpc_hop`), and between a label and a served prediction lie five.

`GRPC_EXPERIMENTS` in the environment wins. A gRPC that knows these switches no more says so in one line,
and goes on without them.
"""

from __future__ import annotations

import os

OLDER_POLLER = "-event_engine_client,-event_engine_listener"

os.environ.setdefault("GRPC_EXPERIMENTS", OLDER_POLLER)
