"""A folder of model specs: a changed file is a changed spec, and restarts nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog
from watchfiles import awatch

from riverrun.core.errors import RiverrunError
from riverrun_param_server.registry import Registry

log = structlog.get_logger()

SUFFIXES = (".yaml", ".yml")


class SpecsFolder:
    """Registers what lies in `folder`: everything at start, then each file that changes.

    A file that goes leaves its model: deleting is done on purpose.
    """

    def __init__(self, folder: Path, registry: Registry) -> None:
        self._folder = folder
        self._registry = registry
        self._seen: dict[Path, str] = {}

    async def register_changed(self) -> None:
        """Register each spec that changed since; a wrong one is logged, and its model stays as it is."""
        for path, text in await asyncio.to_thread(self._read):
            if self._seen.get(path) == text:
                continue
            self._seen[path] = text
            try:
                await self._registry.register(text)
            except RiverrunError as error:
                log.error("a spec was refused", file=str(path), reason=str(error))

    async def watch(self) -> None:
        """Register what changes, for ever."""
        # Looks every few seconds as well: a ConfigMap changes by a renamed link, which events may miss.
        async for _changes in awatch(self._folder, step=100, rust_timeout=5_000, yield_on_timeout=True):
            await self.register_changed()

    def _read(self) -> list[tuple[Path, str]]:
        found = []
        for path in sorted(self._folder.iterdir()):
            if path.suffix in SUFFIXES and not path.name.startswith("."):
                try:
                    found.append((path, path.read_text(encoding="utf-8")))
                except (OSError, UnicodeDecodeError) as error:
                    log.error("a spec could not be read", file=str(path), reason=str(error))
        return found
