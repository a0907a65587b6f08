"""`kubectl riverrun` finds the pods of a release, asked of an API server that answers as a real one does."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from riverrun.cli.kubectl.release import Cluster, open_cluster
from riverrun.core.errors import InvalidInput, NotFound, Unavailable

PODS = "/api/v1/namespaces/apart/pods"


class ApiServer(ThreadingHTTPServer):
    """Answers lists of pods; `refused` is a Status to answer instead, `told` the environment of pods."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pods: list[dict[str, Any]] = []
        self.refused: dict[str, Any] | None = None
        self.told: list[str] = []

    def add(
        self, release: str, component: str, number: int, *, ready: bool = True, going: bool = False
    ) -> None:
        labels = {
            "app.kubernetes.io/part-of": "riverrun",
            "app.kubernetes.io/instance": release,
            "app.kubernetes.io/component": component,
        }
        metadata: dict[str, Any] = {"name": f"{release}-{component}-{number}", "labels": labels}
        if going:
            metadata["deletionTimestamp"] = "2026-11-28T07:30:00Z"
        condition = {"type": "Ready", "status": "True" if ready else "False"}
        told = [{"name": name, "value": "x"} for name in self.told]
        spec = {"containers": [{"name": component, "env": told}]}
        self.pods.append({"metadata": metadata, "spec": spec, "status": {"conditions": [condition]}})


class Handler(BaseHTTPRequestHandler):
    server: ApiServer

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        status, body = 200, {"kind": "PodList", "apiVersion": "v1", "items": self.server.pods}
        if asked.path != PODS:
            status, body = 404, {"kind": "Status", "message": f"nothing at {asked.path}"}
        elif self.server.refused is not None:
            status, body = self.server.refused["code"], self.server.refused
        else:
            wanted = dict(
                part.split("=") for part in parse_qs(asked.query)["labelSelector"][0].split(",")
            ).items()
            body["items"] = [pod for pod in self.server.pods if wanted <= pod["metadata"]["labels"].items()]
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with ApiServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def kubeconfig(api: ApiServer, tmp_path: Path) -> Path:
    address = f"http://127.0.0.1:{api.server_address[1]}"
    path = tmp_path / "kubeconfig"
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "one",
                "clusters": [{"name": "c", "cluster": {"server": address}}],
                "users": [{"name": "u", "user": {"token": "t"}}],
                "contexts": [
                    {"name": "one", "context": {"cluster": "c", "user": "u", "namespace": "apart"}},
                    {"name": "two", "context": {"cluster": "c", "user": "u"}},
                ],
            }
        )
    )
    return path


@pytest.fixture
def cluster(kubeconfig: Path) -> Cluster:
    return open_cluster(kubeconfig, "", "")


def test_namespaces_are_those_that_kubectl_would_take(kubeconfig: Path) -> None:
    assert open_cluster(kubeconfig, "", "").namespace == "apart"
    assert open_cluster(kubeconfig, "two", "").namespace == "default"
    assert open_cluster(kubeconfig, "two", "other").namespace == "other"


def test_a_ready_pod_is_taken_and_none_that_goes(api: ApiServer, cluster: Cluster) -> None:
    api.add("rr", "serving", 0, ready=False)
    api.add("rr", "serving", 1, going=True)
    api.add("rr", "serving", 2)
    api.add("rr", "trainer", 3)

    pod = cluster.pod("serving")
    assert (pod.name, pod.release, pod.prefix) == ("rr-serving-2", "rr", "rr")
    assert (pod.has_tls, pod.has_tokens) == (False, False)


def test_a_release_with_tls_and_tokens_is_known_by_what_its_pods_are_told(
    api: ApiServer, cluster: Cluster
) -> None:
    api.told = ["RIVERRUN_TLS_CERT_FILE", "RIVERRUN_AUTH_ACCOUNTS_FILE"]
    api.add("rr-riverrun", "param-server", 0)

    pod = cluster.pod("param-server")

    assert (pod.prefix, pod.has_tls, pod.has_tokens) == ("rr-riverrun", True, True)


def test_of_several_releases_one_has_to_be_named(api: ApiServer, cluster: Cluster) -> None:
    api.add("blue", "serving", 0)
    api.add("green", "serving", 0)

    with pytest.raises(InvalidInput, match="release: expected one of blue, green"):
        cluster.pod("serving")
    assert cluster.pod("serving", "green").name == "green-serving-0"


def test_where_there_is_none_the_namespace_is_named(cluster: Cluster) -> None:
    with pytest.raises(NotFound, match="namespace apart"):
        cluster.pod("serving", "rr")


def test_pods_that_are_not_ready_are_told_from_none(api: ApiServer, cluster: Cluster) -> None:
    api.add("rr", "serving", 0, ready=False)

    with pytest.raises(Unavailable, match="no pod of release rr in apart is ready"):
        cluster.pod("serving")


def test_what_the_cluster_refuses_is_said_in_its_words(api: ApiServer, cluster: Cluster) -> None:
    message = 'pods is forbidden: User "u" cannot list resource "pods"'
    api.refused = {"kind": "Status", "code": 403, "reason": "Forbidden", "message": message}

    with pytest.raises(Unavailable, match="cannot list resource"):
        cluster.pod("serving")


def run(kubeconfig: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from riverrun.cli.kubectl.main import main; main()", *arguments]
    return subprocess.run(
        [*command, "--kubeconfig", str(kubeconfig)], capture_output=True, text=True, timeout=60
    )


def test_mistakes_end_in_one_line(api: ApiServer, kubeconfig: Path, tmp_path: Path) -> None:
    for arguments, said in (
        (["status"], "riverrun: no param-server in namespace apart of release '(any)'"),
        (["status", "--context", "three"], "riverrun: context: "),
    ):
        done = run(kubeconfig, *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert "riverrun: kubeconfig: " in run(tmp_path / "none", "status").stderr


def test_help_asks_no_cluster(tmp_path: Path) -> None:
    done = run(tmp_path / "none", "rollback", "--help")

    assert done.returncode == 0
    assert "older version" in done.stdout
