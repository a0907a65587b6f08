"""`riverrun status`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from riverrun.cli.session import OutputForm, Session, verb

WatchIt = Annotated[bool, typer.Option("--watch", "-w", help="Show it anew each second until Ctrl-C.")]
Every = Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds between two looks of --watch.")]


@verb("output", "server", "data")
async def status(session: Session, watch: WatchIt = False, every: Every = 1.0) -> None:
    """Show every model: its live version, how well it does, who serves it; and what runs where.

    JSON: {models: [{name, …, live: version or null, readers: [reader]}], services: [{service, index, pid,
    running, ports, log, started}]}; with --watch a line each time.
    """
    from riverrun.cli.documents import status_document
    from riverrun.cli.tables import status_tables

    while True:
        found = await session.client.status()
        if watch and session.output is OutputForm.TABLE and session.console.is_terminal:
            await _live(session, every)
        session.answer(status_document(found), *status_tables(found))
        if not watch:
            return
        await asyncio.sleep(every)


async def _live(session: Session, every: float) -> None:
    """Show it in place until Ctrl-C, also while the parameter server is away."""
    from rich.console import Group
    from rich.live import Live

    from riverrun.cli.tables import status_tables
    from riverrun.core.errors import Unavailable

    with Live(console=session.console, auto_refresh=False) as live:
        while True:
            try:
                shown = status_tables(await session.client.status())
            except Unavailable as error:
                shown = [str(error)]
            live.update(Group(*shown), refresh=True)
            await asyncio.sleep(every)
