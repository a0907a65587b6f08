"""Moving channels, going back, and setting policies."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Literal

from riverrun.client.answers import ChannelMoved, PolicyChanged, WasReset
from riverrun.client.catalogue_verbs import CatalogueVerbs
from riverrun.client.policy_edit import with_policies
from riverrun.core.errors import InvalidInput, NotFound
from riverrun.core.spec import parse_spec
from riverrun.core.versions import CANDIDATE, LIVE

Examples = Literal["skip", "replay"]
"""What becomes of the examples learned since the version that a reset goes back to."""


class SteeringVerbs(CatalogueVerbs):
    """Say which version is answered with, where learning goes on, and when weights move."""

    async def promote(
        self, model: str, *, line: int | None = None, version: int | None = None, reason: str = ""
    ) -> ChannelMoved:
        """Let live follow `line`, by default the one that `candidate` follows, and mark its version good.

        The line that live followed is closed. With `version` live is held there instead. `reason` is why,
        for the record.
        """
        if line is not None and version is not None:
            raise InvalidInput("version", "give a line or a version, not both")
        if version is not None:
            return await self._move(model, LIVE, hold_version=version, mark_good=True, reason=reason)
        if line is None:
            info = await self.model(model)
            candidate = info.channel(CANDIDATE)
            if candidate is None:
                known = ", ".join(channel.name for channel in info.channels)
                raise NotFound("channel", CANDIDATE, known or None)
            if candidate.follows is None:
                return await self._move(
                    model, LIVE, hold_version=candidate.version, mark_good=True, reason=reason
                )
            line = candidate.follows
        return await self._move(model, LIVE, follow_line=line, mark_good=True, reason=reason)

    async def rollback(
        self,
        model: str,
        *,
        to: int | None = None,
        before: datetime.datetime | None = None,
        reset: Examples | None = None,
        channel: str = LIVE,
        reason: str = "",
    ) -> ChannelMoved:
        """Hold `channel` at an older version, at once, on all serving processes.

        At version `to`, at the newest of its line before the time `before`, or without either at the
        newest that was marked good. The trainer learns on unseen; with `reset` it also goes back to that
        version, and the examples since are skipped or replayed.
        """
        if to is not None and before is not None:
            raise InvalidInput("before", "give a version or a time, not both")
        if to is not None:
            moved = await self._move(model, channel, hold_version=to, reason=reason)
        elif before is not None:
            moved = await self._move(
                model, channel, hold_before=before.astimezone(datetime.UTC), reason=reason
            )
        else:
            moved = await self._move(model, channel, hold_last_good=True, reason=reason)
        if reset is None:
            return moved
        done = await self.reset(model, to=moved.channel.version, examples=reset, reason=reason)
        return ChannelMoved(model, moved.channel, moved.previous, done.line)

    async def reset(self, model: str, *, to: int, examples: Examples, reason: str = "") -> WasReset:
        """Go on learning from version `to` in a new line; the examples since are skipped or replayed."""
        if examples not in ("skip", "replay"):
            raise InvalidInput("examples", f"expected skip or replay, got {examples!r}")
        before = await self.model(model)
        line = await self._client().reset(model, to, replay=examples == "replay", reason=reason)
        still_open = {line.number for line in (await self.model(model)).lines if not line.closed}
        closed = [line.head for line in before.lines if not line.closed and line.number not in still_open]
        return WasReset(model, line, to, max(closed, default=to))

    async def pin(self, model: str, version: int, *, channel: str = LIVE, reason: str = "") -> ChannelMoved:
        """Hold `channel` at `version` until `resume` or `promote`; makes the channel if it is new."""
        return await self._move(model, channel, hold_version=version, reason=reason)

    async def pause(self, model: str, *, channel: str = LIVE, reason: str = "") -> ChannelMoved:
        """Hold `channel` where it is."""
        return await self._move(model, channel, hold_here=True, reason=reason)

    async def resume(self, model: str, *, channel: str = LIVE, reason: str = "") -> ChannelMoved:
        """Let `channel` follow its line again: it goes to the newest version at once."""
        return await self._move(model, channel, follow=True, reason=reason)

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
