"""Answers to pulls: which version, from which base, and its bytes, made once for all who ask the same."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from riverrun.core.errors import NotReady
from riverrun.core.versions import Manifest
from riverrun.runtime import metrics
from riverrun_param_server.catalogue import Catalogue, Model
from riverrun_param_server.completion import Completion
from riverrun_param_server.encodings import Encoded, Encodings
from riverrun_param_server.version_reader import VersionReader, encode_state

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PullWanted:
    """A pull: of `channel` where it is given, else of `version`. `have` 0: the caller holds nothing."""

    model: str
    channel: str = ""
    version: int = 0
    have: int = 0
    trainer_state: bool = False


@dataclass(frozen=True, slots=True)
class PullAnswer:
    """What is sent; `base` equal to the manifest's version means that there is nothing to send.

    `unconfirmed_s` is the time since the version was last known to be the newest, 0 but for a read replica.
    """

    manifest: Manifest
    generation: int
    base: int
    serving: bytes
    trainer: bytes
    spec_yaml: str
    unconfirmed_s: float = 0.0


class Pulls:
    """Plans and remembers what was composed, by (model, version, have)."""

    def __init__(self, catalogue: Catalogue, reader: VersionReader, completion: Completion) -> None:
        self._catalogue = catalogue
        self._reader = reader
        self._encodings = Encodings(completion)

    async def pull(self, wanted: PullWanted) -> PullAnswer:
        """Raises `NotFound` (model, channel, version) and `NotReady` (the channel has no version)."""
        model = self._catalogue.get(wanted.model)
        version, generation = wanted.version, 0
        if wanted.channel:
            channel = model.channel(wanted.channel)
            version, generation = channel.version, channel.generation
            if version == 0:
                raise NotReady(f"channel {channel.name} of {model.name}", "it has no version yet")
        manifest = await self._catalogue.manifest(model, version)
        spec = model.specs[model.line(manifest.line).spec_sha]
        if wanted.have == version and not wanted.trainer_state:
            metrics.PULLS.labels("nothing").inc()
            return PullAnswer(manifest, generation, version, b"", b"", spec)
        have = 0 if wanted.trainer_state and wanted.have == version else wanted.have
        base, serving, trainer = await self._encoded(model, version, have)
        metrics.PULLS.labels("delta" if base else "snapshot").inc()
        trainer = trainer if wanted.trainer_state else b""
        sent = len(serving) + len(trainer)
        log.debug("a version was pulled", model=model.name, version=version, base=base, bytes=sent)
        return PullAnswer(manifest, generation, base, serving, trainer, spec)

    async def _encoded(self, model: Model, version: int, have: int) -> Encoded:
        async def make() -> Encoded:
            encoded = await self._of_head(model, version) if not have else None
            return encoded or await self._reader.encoded(model.record.id, version, have)

        return await self._encodings.get((model.record.id, version, have), make)

    async def _of_head(self, model: Model, version: int) -> Encoded | None:
        """The whole state of a line's head, from memory; None for any other version."""
        for line in model.record.open_lines:
            state = model.states.get(line.number)
            if line.head == version and state is not None:
                return 0, *await asyncio.to_thread(encode_state, state.state())
        return None
