"""Which pods a release has, as the cluster says it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from riverrun.core.errors import InvalidInput, NotFound, Unavailable

COMPONENT = "app.kubernetes.io/component"
INSTANCE = "app.kubernetes.io/instance"
AUDIENCE = "riverrun"
PART_OF = "app.kubernetes.io/part-of=riverrun"


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of a release, that runs and is ready. `prefix` begins the names of the release's objects."""

    name: str
    release: str
    prefix: str
    has_tls: bool
    has_tokens: bool


class Cluster:
    """One namespace of a cluster, reached as kubectl reaches it."""

    def __init__(self, api: Any, namespace: str) -> None:
        """`api` is the CoreV1Api of the `kubernetes` client."""
        self.api = api
        self.namespace = namespace

    def pod(self, component: str, release: str = "") -> Pod:
        """A ready pod of `component`, in `release` or in the only one there is.

        Raises `NotFound`, `InvalidInput` where several releases could be meant, `Unavailable` where none of
        the pods is ready or the cluster does not answer.
        """
        selector = f"{PART_OF},{COMPONENT}={component}" + (f",{INSTANCE}={release}" if release else "")
        found = self._list(selector)
        releases = sorted({pod.metadata.labels[INSTANCE] for pod in found})
        if not releases:
            raise NotFound(f"{component} in namespace {self.namespace} of release", release or "(any)", None)
        if len(releases) > 1:
            raise InvalidInput("release", f"expected one of {', '.join(releases)}, got none")
        for pod in found:
            if not pod.metadata.deletion_timestamp and _is_ready(pod):
                told = {one.name for one in pod.spec.containers[0].env or ()}
                return Pod(
                    pod.metadata.name,
                    releases[0],
                    pod.metadata.name.partition(f"-{component}-")[0],
                    "RIVERRUN_TLS_CERT_FILE" in told,
                    "RIVERRUN_AUTH_ACCOUNTS_FILE" in told,
                )
        raise Unavailable(component, f"no pod of release {releases[0]} in {self.namespace} is ready")

    def authority(self, prefix: str) -> str | None:
        """The certificate of the release's own authority (PEM); None where it has none."""
        name = f"{prefix}-ca"
        found = self._ask(
            lambda: (
                self.api.list_namespaced_config_map(
                    self.namespace, field_selector=f"metadata.name={name}"
                ).items
            )
        )
        return str(found[0].data["ca.crt"]) if found else None

    def operator_token(self, prefix: str) -> str:
        """A token of the release's operator, good for an hour. Raises `Unavailable`."""
        request = {"spec": {"audiences": [AUDIENCE], "expirationSeconds": 3600}}
        made = self._ask(
            lambda: self.api.create_namespaced_service_account_token(
                f"{prefix}-operator", self.namespace, request
            )
        )
        return str(made.status.token)

    def _list(self, selector: str) -> list[Any]:
        return list(
            self._ask(lambda: self.api.list_namespaced_pod(self.namespace, label_selector=selector).items)
        )

    def _ask(self, call: Callable[[], Any]) -> Any:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        try:
            return call()
        except ApiException as error:
            raise Unavailable("the cluster", refusal(error)) from error
        except HTTPError as error:
            raise Unavailable("the cluster", str(error)) from error


def open_cluster(kubeconfig: Path | None, context: str, namespace: str) -> Cluster:
    """The cluster and namespace that kubectl would use. Raises `InvalidInput` where none is configured."""
    try:
        from kubernetes import client, config
    except ImportError as error:
        raise InvalidInput(
            "kubectl", "expected the client of Kubernetes: pip install riverrun[kubectl]"
        ) from error

    file = None if kubeconfig is None else str(kubeconfig)
    try:
        contexts, active = config.list_kube_config_contexts(file)
        api = client.CoreV1Api(config.new_client_from_config(file, context or None))
    except config.ConfigException as error:
        raise InvalidInput("context" if context else "kubeconfig", " ".join(str(error).split())) from error
    chosen = next((one for one in contexts if one["name"] == context), active)
    return Cluster(api, namespace or chosen["context"].get("namespace") or "default")


def refusal(error: Any) -> str:
    """What the API server said, from its Status object."""
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return f"{error.status} {error.reason}"


def _is_ready(pod: Any) -> bool:
    return any(one.type == "Ready" and one.status == "True" for one in pod.status.conditions or ())
