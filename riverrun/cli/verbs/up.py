"""`riverrun up`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from riverrun.cli.session import Session, verb

Files = Annotated[
    list[Path] | None,
    typer.Option(
        "--file", "-f", help="A model spec to register; repeat it for more models.", show_default=False
    ),
]
Replicas = Annotated[int, typer.Option(min=1, max=64, help="Serving processes.")]
RestPort = Annotated[
    int,
    typer.Option(
        min=0,
        max=65_535,
        help="REST port of the first serving process, the next ones ten above. 0: free ports for everything.",
    ),
]
GrpcPort = Annotated[
    int,
    typer.Option(min=1, max=65_535, help="gRPC port of the first serving process, the next ones ten above."),
]
Factories = Annotated[
    list[str] | None,
    typer.Option(
        "--factory",
        help="package.module:callable that specs may name as their factory; repeat it for more.",
        show_default=False,
    ),
]


@verb("output", "data")
async def up(
    session: Session,
    file: Files = None,
    replicas: Replicas = 1,
    rest_port: RestPort = 8000,
    grpc_port: GrpcPort = 8001,
    factory: Factories = None,
) -> None:
    """Run the parameter server, the trainer and serving on this machine until Ctrl-C.

    Registers the given specs, says what runs where, and starts a service again that ended. One Ctrl-C
    stops everything, serving first; what was learned is in the data folder. Process ids, ports and logs
    lie in its folder run.

    JSON: a line {"event": "ready", "services": [{service, index, pid, ports, log}], "models": [name]}, and
    lines {"event": "service", "service": label, "what": sentence}.
    """
    from riverrun.cli.up.announcer import Announcer
    from riverrun.cli.up.run import Wanted, run_stack

    wanted = Wanted(
        specs=tuple(file or ()),
        data=session.data,
        replicas=replicas,
        rest_port=rest_port,
        grpc_port=grpc_port,
        factories=tuple(factory or ()),
    )
    await run_stack(wanted, Announcer(session))
