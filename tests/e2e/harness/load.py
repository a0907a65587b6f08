"""A load on a release from within the cluster, and the oracle that judges what became of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from riverrun.rpc.channels import open_channel
from riverrun.rpc.event_log import RemoteEventLog
from riverrun.rpc.params_client import ParameterClient
from tests.e2e.harness.kube import Namespace, eventually
from tests.e2e.harness.release import FULL, Release
from tests.fault.harness import ledger, links
from tests.fault.harness.process import DEADLINE_S

NAME = "load"
RATE, LABEL_RATE = 200.0, 20.0
HERE = Path(__file__).parent
MODELS = {"counting": ledger.spec()}
"""The values that a release under this load needs: the model whose weights count events."""
SETTINGS = {"lingerS": 5, "drainS": 5, "deadlineS": 9}
"""Of serving. That a starved machine takes more than a second for an answer is not what is asked; the load
gives up after ten."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the load pod saw between two moments."""

    asked: int
    failed: int
    labels: int
    refused_labels: int
    oldest_s: float
    back: int
    failures: tuple[tuple[float, str], ...]
    """Seconds from the first moment to when a request was made that failed, and why it did."""
    took_s: float
    began: float
    """The first moment, by the load's own clock."""

    def check_nothing_failed(self) -> None:
        """Fail where a prediction did, or where there were too few to show anything."""
        assert self.failed == 0, self.failures
        self.check_enough()

    def check_enough(self) -> None:
        """Fail where the load was too thin to show anything."""
        assert self.asked > 10 * self.took_s, f"only {self.asked} predictions in {self.took_s:.0f} s"
        assert self.labels > 0
        self.check_order()

    def check_order(self) -> None:
        """Fail where a connection went back in version."""
        assert self.back == 0, "a connection went back in version"

    def figures(self) -> dict[str, Any]:
        """For the report."""
        return {
            "predictions": self.asked,
            "failed": self.failed,
            "labels durable": self.labels,
            "labels sent again": self.refused_labels,
            "oldest answer, s": round(self.oldest_s, 1),
            "seconds": round(self.took_s, 1),
            "why": dict(Counter(why for _, why in self.failures).most_common(5)),
        }


BESIDE_PARAM_SERVER = {
    "podAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {
                "topologyKey": "kubernetes.io/hostname",
                "labelSelector": {"matchLabels": {"app.kubernetes.io/component": "param-server"}},
            }
        ]
    }
}


def _away_from(node: str) -> dict[str, Any]:
    other = {"key": "kubernetes.io/hostname", "operator": "NotIn", "values": [node]}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [other]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


class Load:
    """The load pod of a release."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self.namespace: Namespace = release.namespace

    def start(self, away_from: str = "", *, rate: float = RATE, first: int = 0) -> None:
        """Start it, and wait until it is under way: beside the parameter server, or on a node that is not
        `away_from`. Events before number `first` are durable."""
        scripts = {
            "load.py": (HERE / "load_pod.py").read_text(),
            "links.py": Path(links.__file__).read_text(),
        }
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}, "data": scripts}
        self.namespace.kubectl("apply", "--filename", "-", given=json.dumps(config))
        self.namespace.kubectl(
            "apply", "--filename", "-", given=json.dumps(self._pod(away_from, rate, first))
        )
        self.namespace.kubectl("wait", "--for=condition=Ready", f"pod/{NAME}", "--timeout=120s")
        eventually("the load is under way", lambda: self.state()["durable"] > first + 20)

    def stop(self) -> int:
        """End it; how many labels are durable."""
        durable = int(self.state()["durable"])
        self.namespace.kubectl("delete", "pod", NAME, "--grace-period=1", "--timeout=60s")
        return durable

    def _pod(self, away_from: str, rate: float, first: int) -> dict[str, Any]:
        image = self.release.values["image"]
        # Not its name: whether the cluster's DNS is there is not what is asked.
        address = f"{self.namespace.get('service', f'{FULL}-serving')['spec']['clusterIP']}:8000"
        container = {
            "name": NAME,
            "image": f"{image['registry']}/{image['repository']}:{image['tag']}".lstrip("/"),
            "imagePullPolicy": "IfNotPresent",
            "resources": {"requests": {"cpu": "300m", "memory": "128Mi"}},
            "command": ["python", "/load/load.py", address],
            "env": [
                {"name": "RATE", "value": str(rate)},
                {"name": "LABEL_RATE", "value": str(LABEL_RATE)},
                {"name": "FIRST", "value": str(first)},
            ],
            "volumeMounts": [{"name": "load", "mountPath": "/load"}, {"name": "tmp", "mountPath": "/tmp"}],
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            },
        }
        spec = {
            "affinity": _away_from(away_from) if away_from else BESIDE_PARAM_SERVER,
            "automountServiceAccountToken": False,
            "restartPolicy": "Never",
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
            "volumes": [{"name": "load", "configMap": {"name": NAME}}, {"name": "tmp", "emptyDir": {}}],
        }
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": NAME}, "spec": spec}

    def state(self) -> dict[str, Any]:
        """What it saw so far."""
        found: dict[str, Any] = json.loads(
            self.namespace.kubectl("exec", NAME, "--", "cat", "/tmp/state.json")
        )
        return found

    @contextlib.contextmanager
    def watched(self) -> Iterator[list[Seen]]:
        """What it sees while the block runs, put into the list that the block gets."""
        before = self.state()
        seen: list[Seen] = []
        yield seen
        # What was caused within the block shows within a moment.
        time.sleep(2)
        after = self.state()
        known = {at for at, _ in before["failures"]}
        new = [(round(at - before["at"], 1), why) for at, why in after["failures"] if at not in known]
        seen.append(
            Seen(
                after["asked"] - before["asked"],
                after["failed"] - before["failed"],
                after["durable"] - before["durable"],
                after["refused_labels"] - before["refused_labels"],
                max((age for at, age in after["oldest"].items() if float(at) >= before["at"]), default=0.0),
                after["back"] - before["back"],
                tuple(new),
                after["at"] - before["at"],
                before["at"],
            )
        )

    def check_learned_once(self) -> int:
        """Hold what is learned against what was acknowledged; how many labels that were."""
        durable = int(self.state()["durable"])
        with forwarded(self.namespace, f"{FULL}-param-server-0", 8002) as port:
            asyncio.run(_judge(f"127.0.0.1:{port}", durable))
        return durable


def started_load(release: Release) -> Load:
    """A load on the release, under way; where it does not start, the error tells how the release is."""
    load = Load(release)
    try:
        load.start()
    except AssertionError as error:
        raise AssertionError(f"{error}\n{release.namespace.trouble()}") from None
    return load


async def _judge(address: str, durable: int) -> None:
    async with open_channel(address) as channel:
        await asyncio.wait_for(channel.channel_ready(), 60)
        client = ParameterClient(channel, deadline_s=DEADLINE_S)
        log = RemoteEventLog(channel, deadline_s=DEADLINE_S)
        events = await ledger.logged(log)
        lost = {f"e{n}" for n in range(durable)} - {one.event_id for one in events}
        assert not lost, f"{len(lost)} acknowledged labels are lost: {sorted(lost)[:5]}"
        manifest = await ledger.reached(client, len(events), within_s=120)
        events = await ledger.logged(log)
        problems = await ledger.judge(client, events, [manifest])
        assert not problems, [str(problem) for problem in problems[:10]]


@contextlib.contextmanager
def forwarded(namespace: Namespace, pod: str, port: int) -> Iterator[int]:
    """A port of this machine that leads into a pod, by `kubectl port-forward`."""
    command = ["kubectl", "--namespace", namespace.name, "port-forward", f"pod/{pod}", f":{port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as forward:
        try:
            assert forward.stdout is not None
            # "Forwarding from 127.0.0.1:41234 -> 8002"
            found = re.search(r"127\.0\.0\.1:(\d+)", forward.stdout.readline())
            assert found, f"no way into {pod}"
            # It says so at each connection, and must not wait for us to read it.
            threading.Thread(target=forward.stdout.read, daemon=True).start()
            yield int(found[1])
        finally:
            forward.terminate()
