"""The SDK for code that awaits. `Client` has the same verbs for code that does not."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from riverrun.client.addresses import server_address
from riverrun.client.answers import (
    Announcement,
    Applied,
    ChannelMoved,
    FeedbackAnswer,
    ManyAnswer,
    ModelStatus,
    PolicyChanged,
    PredictAnswer,
    Status,
    WasReset,
)
from riverrun.client.policy_edit import with_policies
from riverrun.client.run_folder import DEFAULT_DATA, RunFolder
from riverrun.client.serving_api import ServingApi
from riverrun.core.errors import InvalidInput, NotFound
from riverrun.core.predictions import Features, Label
from riverrun.core.spec import parse_spec
from riverrun.core.versions import CANDIDATE, LIVE, Manifest, ModelInfo, ReaderInfo
from riverrun.rpc.channels import open_channel
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.watching import Announced, Watch

Examples = Literal["skip", "replay"]
"""What becomes of the examples learned since the version that a reset goes back to."""


class AsyncClient:
    """One stack: predictions and feedback over REST, everything else over gRPC.

    Connects when first used; may be used by many tasks of one event loop. Verbs raise the errors of
    `riverrun.core.errors`; `Unavailable` when the other side cannot be reached in time.
    """

    def __init__(
        self,
        *,
        server: str = "",
        serving: str = "",
        data: Path = DEFAULT_DATA,
        timeout_s: float = 10.0,
        retry_s: float = 30.0,
    ) -> None:
        """`server` is the parameter server's host:port, `serving` the base URL of a serving process.

        Where one is empty it is RIVERRUN_SERVER or RIVERRUN_SERVING, else what the run folder of the data
        folder `data` names. `retry_s` bounds how long `feedback` is tried again.
        """
        self._server = server
        self._data = data
        self._timeout_s = timeout_s
        self._serving = ServingApi(serving, data, timeout_s=timeout_s, retry_s=retry_s)
        self._params: ParameterClient | None = None
        self._channel: Any = None

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; may be repeated."""
        await self._serving.close()
        if self._channel is not None:
            await self._channel.close()
            self._channel = self._params = None

    async def predict(
        self,
        model: str,
        features: Features,
        *,
        id: str | None = None,
        key: str | None = None,
    ) -> PredictAnswer:
        """The prediction for one row. `id` names it for feedback; `key` decides its arm."""
        return await self._serving.predict(model, features, id=id, key=key)

    async def predict_many(
        self,
        model: str,
        rows: Sequence[Features],
        *,
        id: str | None = None,
        key: str | None = None,
    ) -> ManyAnswer:
        """The predictions for many rows, all by one version."""
        return await self._serving.predict_many(model, rows, id=id, key=key)

    async def feedback(
        self,
        model: str,
        label: Label,
        *,
        features: Features | None = None,
        id: str | None = None,
        time: datetime.datetime | None = None,
        weight: float | None = None,
        event_id: str | None = None,
    ) -> FeedbackAnswer:
        """Tell what happened, of the prediction `id` or of `features`; returns once it is durable.

        Tries again while the log is away, and counts once however often it was sent: without `id` and
        `event_id` it gets an event id of its own. Raises `InvalidInput` when it is rejected.
        """
        entry = {
            "id": id,
            "features": features,
            "label": label,
            "time": time,
            "weight": weight,
            "event_id": event_id,
        }
        answer = await self.feedback_many(model, [{k: v for k, v in entry.items() if v is not None}])
        for rejected in answer.rejected:
            raise InvalidInput("", rejected.error)
        return answer

    async def feedback_many(self, model: str, entries: Iterable[Mapping[str, Any]]) -> FeedbackAnswer:
        """`feedback` for many entries with the keys label, features, id, time, weight and event_id.

        Sent in lots, each tried again until it is durable; one wrong entry spoils no other. `rejected`
        counts from the first entry given.
        """
        return await self._serving.feedback_many(model, entries)

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

    async def version(self, model: str, version: int) -> Manifest:
        """The manifest of one version; raises `NotFound`."""
        return await self._client().get_version(model, version)

    async def readers(self, model: str = "") -> list[ReaderInfo]:
        """What each connected serving process reported last."""
        return await self._client().list_readers(model)

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

    async def delete(self, model: str) -> None:
        """Delete `model`; within seven days applying its spec brings it back. Raises `NotFound`."""
        await self._client().delete_model(model)

    async def promote(
        self, model: str, *, line: int | None = None, version: int | None = None
    ) -> ChannelMoved:
        """Let live follow `line`, by default the one that `candidate` follows, and mark its version good.

        The line that live followed is closed. With `version` live is held there instead.
        """
        if line is not None and version is not None:
            raise InvalidInput("version", "give a line or a version, not both")
        if version is not None:
            return await self._move(model, LIVE, hold_version=version, mark_good=True)
        if line is None:
            info = await self.model(model)
            candidate = info.channel(CANDIDATE)
            if candidate is None:
                known = ", ".join(channel.name for channel in info.channels)
                raise NotFound("channel", CANDIDATE, known or None)
            if candidate.follows is None:
                return await self._move(model, LIVE, hold_version=candidate.version, mark_good=True)
            line = candidate.follows
        return await self._move(model, LIVE, follow_line=line, mark_good=True)

    async def rollback(
        self,
        model: str,
        *,
        to: int | None = None,
        before: datetime.datetime | None = None,
        reset: Examples | None = None,
        channel: str = LIVE,
    ) -> ChannelMoved:
        """Hold `channel` at an older version, at once, on all serving processes.

        At version `to`, at the newest of its line before the time `before`, or without either at the
        newest that was marked good. The trainer learns on unseen; with `reset` it also goes back to that
        version, and the examples since are skipped or replayed.
        """
        if to is not None and before is not None:
            raise InvalidInput("before", "give a version or a time, not both")
        if to is not None:
            moved = await self._move(model, channel, hold_version=to)
        elif before is not None:
            moved = await self._move(model, channel, hold_before=before.astimezone(datetime.UTC))
        else:
            moved = await self._move(model, channel, hold_last_good=True)
        if reset is None:
            return moved
        done = await self.reset(model, to=moved.channel.version, examples=reset)
        return ChannelMoved(model, moved.channel, moved.previous, done.line)

    async def reset(self, model: str, *, to: int, examples: Examples) -> WasReset:
        """Go on learning from version `to` in a new line; the examples since are skipped or replayed."""
        if examples not in ("skip", "replay"):
            raise InvalidInput("examples", f"expected skip or replay, got {examples!r}")
        before = await self.model(model)
        line = await self._client().reset(model, to, replay=examples == "replay")
        still_open = {line.number for line in (await self.model(model)).lines if not line.closed}
        closed = [line.head for line in before.lines if not line.closed and line.number not in still_open]
        return WasReset(model, line, to, max(closed, default=to))

    async def pin(self, model: str, version: int, *, channel: str = LIVE) -> ChannelMoved:
        """Hold `channel` at `version` until `resume` or `promote`; makes the channel if it is new."""
        return await self._move(model, channel, hold_version=version)

    async def pause(self, model: str, *, channel: str = LIVE) -> ChannelMoved:
        """Hold `channel` where it is."""
        return await self._move(model, channel, hold_here=True)

    async def resume(self, model: str, *, channel: str = LIVE) -> ChannelMoved:
        """Let `channel` follow its line again: it goes to the newest version at once."""
        return await self._move(model, channel, follow=True)

    async def set_policy(self, model: str, key: str, value: Any) -> PolicyChanged:
        """Set one policy key of the spec, such as ``publish.every_events``; None removes it.

        Takes effect at once and restarts nothing. See `set_policies` where two keys go together.
        """
        return await self.set_policies(model, {key: value})

    async def set_policies(self, model: str, changes: Mapping[str, Any]) -> PolicyChanged:
        """Set policy keys together, leaving the rest of the spec, its comments included, as it is.

        Raises `StaleBase` when somebody else changed the spec meanwhile: look, and set again.
        """
        info = await self.model(model)
        text, before = with_policies(info.spec_yaml, changes)
        parse_spec(text)
        changed, _ = await self._client().register_model(text, info.spec_revision)
        return PolicyChanged(changed, before, dict(changes))

    async def _move(self, model: str, channel: str, **target: Any) -> ChannelMoved:
        now, previous = await self._client().set_channel(model, channel, **target)
        return ChannelMoved(model, now, previous)

    def _client(self) -> ParameterClient:
        if self._params is None:
            self._channel = open_channel(server_address(self._server, self._data))
            self._params = ParameterClient(self._channel, deadline_s=self._timeout_s)
        return self._params
