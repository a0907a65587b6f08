"""The `kubectl-riverrun` command, which kubectl finds as `kubectl riverrun`.

The verbs are those of `riverrun`; their addresses lead through the cluster's API server into the pods of a
release, so that nothing but the rights to list pods and to forward ports is needed.
"""

from __future__ import annotations

import argparse
import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from riverrun.cli.main import STACK_VERBS, Version, add_verb, experiment_app, policy_app, retrain_app
from riverrun.cli.session import fail
from riverrun.cli.verbs import store

if TYPE_CHECKING:
    from riverrun.cli.kubectl.release import Cluster, Pod

GRPC_PORT, REST_PORT = 8002, 8000

app = typer.Typer(
    name="kubectl riverrun",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Namespace = Annotated[
    str, typer.Option("--namespace", "-n", help="The release's namespace.", show_default=False)
]
Release = Annotated[
    str, typer.Option(help="The release, where the namespace has several.", show_default=False)
]
Kubeconfig = Annotated[
    Path | None,
    typer.Option(
        help="File of clusters and users. Else KUBECONFIG, else ~/.kube/config.", show_default=False
    ),
]
KubeContext = Annotated[str, typer.Option("--context", help="The context within it.", show_default=False)]


@app.callback()
def root(
    context: typer.Context,
    namespace: Namespace = "",
    release: Release = "",
    kubeconfig: Kubeconfig = None,
    kube_context: KubeContext = "",
    version: Version = False,
) -> None:
    """Online learning in a cluster: look at a release's models, and move what serving answers with.

    Options may stand before or after the verb.
    """
    if "--help" in sys.argv:
        return
    context.default_map = _forwarded(kubeconfig, kube_context, namespace, release)


def _forwarded(kubeconfig: Path | None, context: str, namespace: str, release: str) -> dict[str, Any]:
    """Defaults of all verbs' options: addresses that lead into the pods of the release."""
    from riverrun.cli.kubectl.port_forward import PortForward
    from riverrun.cli.kubectl.release import open_cluster
    from riverrun.core.errors import RiverrunError

    try:
        cluster = open_cluster(kubeconfig, context, namespace)
        found = cluster.pod("param-server", release)
        shown = _credentials(cluster, found)
    except RiverrunError as error:
        fail(str(error))
    server = PortForward(cluster, lambda: cluster.pod("param-server", found.release).name, GRPC_PORT)
    serving = PortForward(cluster, lambda: cluster.pod("serving", found.release).name, REST_PORT)
    defaults: dict[str, Any] = {
        "server": server.address,
        "serving": f"{'https' if found.has_tls else 'http'}://{serving.address}",
        # A stack of `riverrun up` on this machine has nothing to do with the release.
        "data": os.devnull,
    }
    return _everywhere(typer.main.get_command(app), defaults | shown)


def _credentials(cluster: Cluster, pod: Pod) -> dict[str, Path]:
    """Defaults of the options that name the authority and the token: files that go with the process."""
    found = {}
    if pod.has_tls and (authority := cluster.authority(pod.prefix)):
        found["ca_file"] = authority
    if pod.has_tokens:
        found["token_file"] = cluster.operator_token(pod.prefix)
    if not found:
        return {}
    folder = Path(tempfile.mkdtemp(prefix="kubectl-riverrun-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name, text in found.items():
        (folder / name).write_text(text)
    return {name: folder / name for name in found}


def _everywhere(group: Any, defaults: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _everywhere(command, defaults) if hasattr(command, "commands") else defaults
        for name, command in group.commands.items()
    }


def options_first(arguments: Sequence[str]) -> list[str]:
    """`arguments` with the options of every kubectl command before the verb, wherever they stood."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for names in (("--namespace", "-n"), ("--context",), ("--kubeconfig",), ("--release",)):
        parser.add_argument(*names)
    known, rest = parser.parse_known_args(arguments)
    given = {f"--{name}": value for name, value in vars(known).items() if value is not None}
    return [*(part for pair in given.items() for part in pair), *rest]


for verb in STACK_VERBS:
    add_verb(app, verb)
app.add_typer(experiment_app, name="experiment")
app.add_typer(policy_app, name="policy")
app.add_typer(retrain_app, name="retrain")
add_verb(app, store.backup)


def main() -> None:
    """Entry point of the installed command."""
    app(options_first(sys.argv[1:]), prog_name="kubectl riverrun")
