"""A port of this machine that leads into a pod, as `kubectl port-forward` opens one."""

from __future__ import annotations

import contextlib
import select
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from riverrun.cli.kubectl.release import Cluster, refusal
from riverrun.core.errors import RiverrunError

CHUNK = 65_536


class PortForward:
    """Each connection to `address` goes to a pod that is chosen then: one that went is replaced by another.

    Connections live in daemon threads and end with the process. A connection that cannot be made is closed,
    and the first such reason is said once on standard error.
    """

    def __init__(self, cluster: Cluster, choose_pod: Callable[[], str], port: int) -> None:
        self._cluster = cluster
        self._choose_pod = choose_pod
        self._port = port
        self._said = ""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, name=f"forward {port}", daemon=True).start()

    def close(self) -> None:
        """Take no more connections; may be repeated."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=[near], daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        from kubernetes.client.exceptions import ApiException
        from kubernetes.stream import portforward

        with near:
            try:
                pod = self._choose_pod()
                reach = self._cluster.api.connect_get_namespaced_pod_portforward
                forward = portforward(reach, pod, self._cluster.namespace, ports=str(self._port))
            except ApiException as error:
                self._say(refusal(error))
            except (RiverrunError, OSError) as error:
                self._say(str(error))
            else:
                far = forward.socket(self._port)
                with contextlib.closing(far):
                    _copy(near, far)

    def _say(self, why: str) -> None:
        if why != self._said:
            self._said = why
            sys.stderr.write(f"kubectl riverrun: {' '.join(why.split())}\n")


def _copy(near: socket.socket, far: Any) -> None:
    """Copy both ways until one side ends."""
    others = {near: far, far: near}
    with contextlib.suppress(OSError):
        while True:
            readable, _, _ = select.select([near, far], [], [])
            for one in readable:
                data = one.recv(CHUNK)
                if not data:
                    return
                others[one].sendall(data)
