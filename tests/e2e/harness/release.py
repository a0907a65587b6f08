"""A release of the chart in a namespace of its own."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.e2e.harness.kube import Namespace, environment, eventually, merged, new_name, run

ROOT = Path(__file__).resolve().parents[3]
CHART = ROOT / "deploy/helm/riverrun"
NAME = "rr"
FULL = "rr-riverrun"
WAIT = ("--wait", "--timeout", "300s")


def image_values(image: str) -> dict[str, Any]:
    """The values that name an image, ``[registry/]repository:tag``."""
    path, _, tag = image.rpartition(":")
    registry, _, repository = path.rpartition("/")
    return {"image": {"registry": registry, "repository": repository, "tag": tag}}


class Release:
    """An installed chart. `values` are those that `upgrade` adds to."""

    def __init__(self, namespace: Namespace, values: Mapping[str, Any], profile: str = "") -> None:
        self.namespace = namespace
        self.values = merged(image_values(environment("IMAGE") or "localhost/riverrun:dev"), values)
        self.notes = ""
        self._files = ["--values", str(CHART / f"ci/{profile}-values.yaml")] if profile else []

    def install(self) -> None:
        """Install and wait until everything is ready; `notes` is what helm says then."""
        self.notes = self._apply("install")

    def upgrade(self, changed: Mapping[str, Any]) -> str:
        """Upgrade with `changed` over the values so far."""
        self.values = merged(self.values, changed)
        return self._apply("upgrade")

    def _apply(self, verb: str) -> str:
        values = json.dumps(self.values)
        return self._helm(verb, NAME, str(CHART), *self._files, "--values", "-", *WAIT, given=values)

    def rollback(self) -> str:
        """Back to the revision before."""
        return self._helm("rollback", NAME, *WAIT)

    def test(self) -> str:
        """`helm test` with the pod's log."""
        return self._helm("test", NAME, "--logs", "--timeout", "120s")

    def _helm(self, *arguments: str, given: str | None = None) -> str:
        return run("helm", "--namespace", self.namespace.name, *arguments, given=given, within_s=330)

    def riverrun(self, *arguments: str, kubeconfig: Path | None = None) -> Any:
        """What `kubectl riverrun` answers, as JSON."""
        command = [sys.executable, "-c", "from riverrun.cli.kubectl.main import main; main()", *arguments]
        where = ["--namespace", self.namespace.name, "--output", "json"]
        if kubeconfig is not None:
            where += ["--kubeconfig", str(kubeconfig)]
        return json.loads(run(*command, *where))

    def check_nothing_restarted(self) -> None:
        """Fail with the last words of a container that ended by itself."""
        for pod in self.namespace.get("pods", "--selector", "app.kubernetes.io/part-of=riverrun")["items"]:
            for status in pod["status"].get("containerStatuses", ()):
                if status["restartCount"]:
                    name = pod["metadata"]["name"]
                    said = self.namespace.kubectl("logs", name, "--previous", "--tail", "40")
                    raise AssertionError(f"{name} ended {status['restartCount']} times: {status}\n{said}")

    def roll(self, component: str) -> None:
        """`kubectl rollout restart`, until it is done."""
        kind = "statefulset" if component == "param-server" else "deployment"
        target = f"{kind}/{FULL}-{component}"
        self.namespace.kubectl("rollout", "restart", target)
        self.settle(component)

    def settle(self, component: str) -> None:
        """Wait until a workload is as it should be."""
        kind = "statefulset" if component == "param-server" else "deployment"
        self.namespace.kubectl(
            "rollout", "status", f"{kind}/{FULL}-{component}", "--timeout", "240s", within_s=250
        )

    def replaced(self, component: str, lost: str, count: int) -> None:
        """Wait until there are `count` ready pods of a component, without the one whose uid is `lost`.

        `settle` may be answered before the workload's own controller has heard that a pod is gone.
        """

        def whole() -> bool:
            pods = self.namespace.pods(component)
            uids = {pod["metadata"]["uid"] for pod in pods}
            return len(uids - {lost}) == len(pods) == count and all(map(is_ready, pods))

        eventually(f"there are {count} pods of {component} again", whole, within_s=240)
        self.settle(component)


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether a pod, as the API server has it, is ready."""
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))


@contextlib.contextmanager
def installed(name: str, values: Mapping[str, Any], profile: str = "") -> Iterator[Release]:
    """A release in the namespace `name`, as long as the block runs; NAMESPACE in `values` stands for it."""
    namespace = Namespace(new_name(name))
    filled = json.loads(json.dumps(values).replace("NAMESPACE", namespace.name))
    try:
        release = Release(namespace, filled, profile)
        try:
            release.install()
        except AssertionError as error:
            raise AssertionError(f"{error}\n{namespace.trouble()}") from None
        yield release
    finally:
        namespace.delete()
