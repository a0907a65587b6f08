"""What there is: models, versions, readers; and registering and deleting models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

from riverrun.client.answers import Announcement, Applied, ModelStatus, Status
from riverrun.client.connection import Connection
from riverrun.client.run_folder import RunFolder
from riverrun.core.errors import NotFound
from riverrun.core.evaluation_report import EvaluationReport
from riverrun.core.journal import JournalRecord
from riverrun.core.spec import parse_spec
from riverrun.core.versions import LIVE, KeptVersion, Manifest, ModelInfo, ReaderInfo
from riverrun.rpc.watching import Announced, Watch


class CatalogueVerbs(Connection):
    """Look at a stack, and say what it is to hold."""

    async def models(self) -> list[ModelInfo]:
        """All models, by name."""
        return await self._client().list_models()

    async def model(self, model: str) -> ModelInfo:
        """One model; raises `NotFound`."""
        found = await self.models()
        for info in found:
            if info.name == model:
                return info
        raise NotFound("model", model, ", ".join(info.name for info in found) or None)

    async def versions(self, model: str, *, limit: int = 100, before: int = 0) -> list[Manifest]:
        """Versions of `model`, newest first, below `before` where that is given."""
        return await self._client().list_versions(model, limit=limit, before=before)

    async def kept_versions(self, model: str, *, limit: int = 100, before: int = 0) -> list[KeptVersion]:
        """`versions`, with what is kept of each, in bytes, and why."""
        return await self._client().list_kept_versions(model, limit=limit, before=before)

    async def version(self, model: str, version: int) -> Manifest:
        """The manifest of one version; raises `NotFound`."""
        return await self._client().get_version(model, version)

    async def readers(self, model: str = "") -> list[ReaderInfo]:
        """What each connected serving process reported last."""
        return await self._client().list_readers(model)

    async def evaluation(self, model: str, *, line: int = 0) -> EvaluationReport:
        """How well `line` does, by default the one that is live, as its trainer reported last.

        Raises `NotFound`, and `NotReady` where nothing was reported yet.
        """
        return await self._client().get_evaluation(model, line)

    async def history(self, model: str, *, limit: int = 100, before: int = 0) -> list[JournalRecord]:
        """What moved of `model` and why, newest first, below record `before` where that is given."""
        return await self._client().list_records(model, limit=limit, before=before)

    async def status(self) -> Status:
        """All models with their live versions and readers, and what the run folder says is running."""
        infos = await self.models()
        readers = await self.readers()
        models = []
        for info in infos:
            live = info.channel(LIVE)
            manifest = (
                None if live is None or not live.version else await self.version(info.name, live.version)
            )
            own = tuple(reader for reader in readers if reader.model == info.name)
            models.append(ModelStatus(info, manifest, own))
        return Status(tuple(models), tuple(RunFolder(self._data).read()))

    async def watch(self, model: str) -> AsyncGenerator[Announcement, None]:
        """Each channel's version now, then every move as it is announced, without end.

        A slow reader skips to the newest. Reconnects by itself; after that what is new comes once more.
        """
        seen: dict[str, int] = {}
        async for change in Watch(self._client(), models=[model]).changes():
            if isinstance(change, Announced) and change.generation > seen.get(change.channel, 0):
                seen[change.channel] = change.generation
                yield Announcement(change.channel, change.generation, change.manifest)

    async def apply(self, spec: str | Path, *, base_spec_revision: int = 0) -> Applied:
        """Register a spec: the YAML text, or the file at a `Path`. The same again changes nothing.

        Policies change in place; another model, features, task, learner or label type opens a new line.
        Raises `InvalidSpec`, `StaleBase` when `base_spec_revision` is given and not the newest.
        """
        text = await asyncio.to_thread(spec.read_text, encoding="utf-8") if isinstance(spec, Path) else spec
        name = parse_spec(text).name
        previous = next((info for info in await self.models() if info.name == name), None)
        info, opened_line = await self._client().register_model(text, base_spec_revision)
        return Applied(info, opened_line, previous)

    async def delete(self, model: str) -> ModelInfo:
        """Delete `model`; how it was. Raises `NotFound`.

        Within seven days `apply` of its `spec_yaml` brings it back, with its versions and channels.
        """
        info = await self.model(model)
        await self._client().delete_model(model)
        return info
